import { html } from 'hono/html'
import type { PageContent } from '../document.ts'
import type { Html } from '../html.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'

export interface FailureView {
  readonly status: number
  /** What was wrong, when it is fit for the person to read. */
  readonly detail?: string
  readonly retryAfterSeconds?: number
  /** Whether a form led here, which the browser sends again when the page is reloaded. */
  readonly sent?: boolean
  /** For the person to quote, and to be found in the log. */
  readonly requestId?: string
}

interface Words {
  readonly title: string
  readonly text: string
}

const WORDS: Readonly<Record<number, Words>> = {
  400: { title: 'That is not right', text: 'This address or form does not make sense to us.' },
  401: { title: 'Log in first', text: 'This page is for members who are logged in.' },
  403: {
    title: 'Not from here',
    text: 'This request did not come from a page of Lightbox, so it was refused.',
  },
  404: {
    title: 'Nothing in this frame',
    text: 'There is no page at this address. It may have moved, or never been here.',
  },
  405: { title: 'That does not work here', text: 'This address cannot be used in that way.' },
  413: { title: 'Too large', text: 'What you sent is larger than we can take.' },
  422: { title: 'We cannot do that', text: 'What was sent cannot be done as it is.' },
  429: { title: 'One moment, please', text: 'That was tried too often in a short time.' },
  500: { title: 'Something broke', text: 'The fault is ours, and it has been noted. Trying again may help.' },
  503: { title: 'Back in a moment', text: 'Lightbox cannot answer just now. It is nothing you did.' },
  507: { title: 'No room just now', text: 'We have no room left for what you sent.' },
}

/** A page for what went wrong: what happened, what to do, never why inside. */
export function failurePage(visit: Visit, view: FailureView): PageContent {
  const known = WORDS[view.status] ?? WORDS[view.status < 500 ? 400 : 500]!
  return {
    title: known.title,
    unlisted: true,
    body: html`<div class="failure">
<p class="kicker">${view.status}</p>
<h1>${known.title}</h1>
<p>${view.detail ?? known.text}</p>
${again(view.retryAfterSeconds)}
${view.sent && view.status >= 500 ? html`<p>Nothing you typed is lost: reload this page to send it again. It is applied once.</p>` : ''}
${view.status >= 500 && view.requestId ? html`<p class="soft">Request ${view.requestId}</p>` : ''}
<p class="actions"><a class="button" href="${paths.home}">Go to the start</a>${view.status === 401 ? html` <a class="button quiet" href="${paths.logInFrom(visit.here)}">Log in</a>` : ''}</p>
</div>`,
  }
}

function again(seconds: number | undefined): Html | string {
  if (seconds === undefined) return ''
  const amount = seconds < 90 ? Math.max(1, Math.ceil(seconds)) : Math.ceil(seconds / 60)
  const unit = seconds < 90 ? 'second' : 'minute'
  return html`<p>Please try again in ${amount} ${unit}${amount === 1 ? '' : 's'}.</p>`
}
