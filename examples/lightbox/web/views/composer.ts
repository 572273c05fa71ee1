import { html } from 'hono/html'
import { POST_CHARACTERS_MAX } from '../../schemas/post.ts'
import { FORM_KEY_FIELD } from '../form.ts'
import { attributes, type Html, words } from '../html.ts'
import { paths } from '../paths.ts'
import type { Visit } from '../visit.ts'

export interface ComposerState {
  readonly text: string
  readonly error?: string
}

/** Where a post is written. */
export function composer(visit: Visit, state: ComposerState = { text: '' }): Html {
  const area = attributes({
    id: 'write',
    name: 'text',
    rows: 3,
    required: true,
    'data-count': POST_CHARACTERS_MAX,
    'aria-describedby': words(state.error && 'write-error', 'write-left'),
    'aria-invalid': state.error ? 'true' : null,
    autofocus: state.error !== undefined,
  })
  // A line break right after the start tag is not part of the text: it keeps one that was typed.
  return html`<form class="composer" method="post" action="${paths.posts}">
<input type="hidden" name="${FORM_KEY_FIELD}" value="${visit.formKey}">
<label for="write">What did you see today?</label>
${state.error ? html`<p class="error" id="write-error" role="alert">${state.error}</p>` : ''}
<textarea${area}>
${state.text}</textarea>
<div class="row"><span class="hint" id="write-left">Up to ${new Intl.NumberFormat(visit.locale).format(POST_CHARACTERS_MAX)} characters</span>
<button class="button">Post</button></div>
</form>`
}
