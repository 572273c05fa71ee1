import { createHash, createHmac } from 'node:crypto'

/** `placement.secret`: the 32-bit hash that places the session, in base 36, and 32 bytes in base64url. */
const FORM = /^([0-9a-z]{1,7})\.([A-Za-z0-9_-]{43})$/
export const SECRET_BYTES = 32
const HASH_MAX = 0xffff_ffff

/** A token that has the right form; nothing more is known of it. */
export interface ParsedToken {
  readonly token: string
  /** The 32-bit hash that says where the session lives. */
  readonly placement: number
  /** What is stored in place of the token. */
  readonly id: string
}

/** Reads a token; null costs no query. */
export function parseToken(token: string): ParsedToken | null {
  const match = FORM.exec(token)
  if (!match) return null
  const placement = Number.parseInt(match[1]!, 36)
  if (placement > HASH_MAX || placement.toString(36) !== match[1]) return null
  return { token, placement, id: tokenId(token) }
}

/** The stored form: whoever reads the table cannot log in with it. */
export function tokenId(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

export function formatToken(placement: number, secret: Buffer): string {
  return `${placement.toString(36)}.${secret.toString('base64url')}`
}

/** The secret of the n-th session that a request begins: a replay of the request gets the same one. */
export function derivedSecret(signingKey: Buffer, requestId: string, ordinal: number): Buffer {
  return createHmac('sha256', signingKey).update(`tenfold session ${requestId} ${ordinal}`).digest()
}

/** The place of an anonymous session: as good as random, but the same for a replay. */
export function derivedPlacement(requestId: string, ordinal: number): number {
  return createHash('sha256').update(`tenfold placement ${requestId} ${ordinal}`).digest().readUInt32BE(0)
}
