import { createHmac, timingSafeEqual } from 'node:crypto'

/** Bytes that each side draws, so that no answer can be used again. */
export const NONCE_BYTES = 32

/** Which side proves that it knows the secret; the one's proof is no good as the other's. */
type Side = 'relay' | 'subscriber'

/** What only somebody with the secret can answer to both nonces. Without a secret, nothing. */
export function proof(
  secret: Buffer | undefined,
  side: Side,
  relayNonce: string,
  subscriberNonce: string,
): string {
  if (secret === undefined) return ''
  return createHmac('sha256', secret)
    .update(`tenfold relay 1\n${side}\n${relayNonce}\n${subscriberNonce}`)
    .digest('hex')
}

export function isProof(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}
