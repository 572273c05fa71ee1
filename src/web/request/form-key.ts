import { createHash } from 'node:crypto'
import { parseIdempotencyKey } from './idempotency.ts'

/**
 * The field of an HTML form that stands for the `Idempotency-Key` header, which a form cannot send: a page
 * draws a random value into a hidden field, and the form sent twice (a double click, a reload, a retry after
 * a lost answer) is applied once.
 */
export const FORM_KEY_FIELD = '_idempotency_key'
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i

/**
 * The key of a form, or undefined when it has none.
 *
 * What was typed is part of the key. A person who goes back, changes the text and sends the same page again
 * means another request; under the value of the field alone it would be refused as a key used twice.
 *
 * @throws BadIdempotencyKey when the field is there and no key
 */
export function formIdempotencyKey(contentType: string | undefined, body: Uint8Array): string | undefined {
  if (contentType === undefined || !FORM_TYPE.test(contentType)) return undefined
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  // Most forms have none: looking for the name costs less than decoding them all.
  if (!bytes.includes(`${FORM_KEY_FIELD}=`)) return undefined
  const value = new URLSearchParams(bytes.toString()).get(FORM_KEY_FIELD)
  if (value === null) return undefined
  return `form:${createHash('sha256').update(bytes).digest('base64url')}:${parseIdempotencyKey(value)}`
}
