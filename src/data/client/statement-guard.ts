const COMMENT_OR_PAREN = /^(?:\s+|--[^\n]*\n?|\/\*[^]*?\*\/|\()+/
const ALLOWED = new Set(['select', 'with', 'values', 'table', 'show', 'explain'])

/**
 * Whether a read may send this text at all. It keeps SET, BEGIN, DISCARD and the like away from shared
 * sessions; what writes inside a SELECT is refused by the session itself, which is read-only.
 */
export function mayRead(text: string): boolean {
  const bare = text.replace(COMMENT_OR_PAREN, '')
  return ALLOWED.has(/^[a-z]+/i.exec(bare)?.[0].toLowerCase() ?? '')
}
