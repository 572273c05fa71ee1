import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { formatSeen, parseSeen, SEEN_LENGTH_MAX, type Seen } from '../../core/seen.ts'

/** In base64url: 132 bits of HMAC-SHA256. */
const SIGNATURE_LENGTH = 22
/** Keeps signatures of one purpose from passing for another's: the same keys derive session tokens. */
const PURPOSE = 'tenfold seen 1\n'
export const TOKEN_LENGTH_MAX = SEEN_LENGTH_MAX + 1 + SIGNATURE_LENGTH
const FORM = /^[0-9A-Za-z~:/-]{1,3500}\.[\w-]{22}$/
/** Tokens whose signature is known to be right; a session sends its own again and again. */
const REMEMBERED_MAX = 1_024

/** Signs what a session has seen: `text.signature`. The text is no secret, but nobody else may make one. */
export class SeenTokens {
  readonly #keys: readonly KeyObject[]
  readonly #verified = new LRUCache<string, Seen>({ max: REMEMBERED_MAX })

  /** @param signingKeys newest first: the first signs, all verify */
  constructor(signingKeys: readonly Buffer[]) {
    this.#keys = signingKeys.map((key) => createSecretKey(key))
  }

  sign(seen: Seen): string {
    const text = formatSeen(seen)
    return `${text}.${signature(this.#keys[0]!, text)}`
  }

  /** @returns undefined for what is no token of ours: forged, damaged, foreign, or under a key that is gone */
  verify(token: string): Seen | undefined {
    const known = this.#verified.get(token)
    if (known) return known
    if (!isWellFormed(token)) return undefined
    const text = token.slice(0, -SIGNATURE_LENGTH - 1)
    const seen = parseSeen(text)
    if (!seen) return undefined
    const given = Buffer.from(token.slice(-SIGNATURE_LENGTH))
    if (!this.#keys.some((key) => timingSafeEqual(Buffer.from(signature(key, text)), given))) return undefined
    this.#verified.set(token, seen)
    return seen
  }
}

/** Whether it could be a token; says nothing of its signature. */
export function isWellFormed(token: string): boolean {
  return token.length <= TOKEN_LENGTH_MAX && FORM.test(token)
}

function signature(key: KeyObject, text: string): string {
  return createHmac('sha256', key)
    .update(PURPOSE + text)
    .digest('base64url')
    .slice(0, SIGNATURE_LENGTH)
}
