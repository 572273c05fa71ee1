import { html } from 'hono/html'
import type { Html } from './html.ts'

const LINK = /\bhttps?:\/\/[^\s\p{Cc}\p{Bidi_Control}<>"'`\\^{|}]+/giu
const TRAILING = /[.,;:!?…»”’\])]+$/u
const LINK_CHARACTERS_SHOWN = 48
const BRIEF_CHARACTERS_MAX = 64

/** What a person wrote, escaped, with http and https addresses as links. */
export function prose(text: string): Html[] {
  const parts: Html[] = []
  let from = 0
  for (const match of text.matchAll(LINK)) {
    const address = trimmed(match[0])
    const url = parsed(address)
    if (!url) continue
    parts.push(html`${text.slice(from, match.index)}`, link(address, url))
    from = match.index + address.length
  }
  parts.push(html`${text.slice(from)}`)
  return parts
}

/** Whether a text is short enough to be set large. */
export function isBrief(text: string): boolean {
  return text.length <= BRIEF_CHARACTERS_MAX && !text.includes('\n')
}

/** Punctuation at the end belongs to the sentence, a closing bracket only when it was opened outside. */
function trimmed(address: string): string {
  const end = address.match(TRAILING)?.[0] ?? ''
  const bare = address.slice(0, address.length - end.length)
  return end.startsWith(')') && bare.includes('(') ? `${bare})` : bare
}

function parsed(address: string): URL | null {
  const url = URL.parse(address)
  // An address with a name or password in it is meant to look like another host.
  if (!url || url.username || url.password) return null
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : null
}

function link(address: string, url: URL): Html {
  const bare = address.replace(/^https?:\/\//i, '').replace(/\/$/, '')
  const characters = [...bare]
  const shown =
    characters.length > LINK_CHARACTERS_SHOWN
      ? `${characters.slice(0, LINK_CHARACTERS_SHOWN - 1).join('')}…`
      : bare
  return html`<a href="${url.href}" rel="nofollow ugc noopener">${shown}</a>`
}
