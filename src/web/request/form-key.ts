import { createHash } from 'node:crypto'
import { parseIdempotencyKey } from './idempotency.ts'
import type { SpooledBody } from './spooled-body.ts'

/**
 * The field of an HTML form that stands for the `Idempotency-Key` header, which a form cannot send: a page
 * draws a random value into a hidden field, and the form sent twice (a double click, a reload, a retry after
 * a lost answer) is applied once.
 */
export const FORM_KEY_FIELD = '_idempotency_key'
const PREFIX = `${FORM_KEY_FIELD}=`
const AMPERSAND = 0x26
/** More than any key takes, percent-encoded. */
const FIELD_BYTES_MAX = 1024
const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(?:;|$)/i

/** Whether a body of this type is a form that may hold a key. */
export function isForm(contentType: string | undefined): boolean {
  return contentType !== undefined && FORM_TYPE.test(contentType)
}

/**
 * The key of a form, or undefined when it has none.
 *
 * What was typed is part of the key. A person who goes back, changes the text and sends the same page again
 * means another request; under the value of the field alone it would be refused as a key used twice.
 *
 * @throws BadIdempotencyKey when the field is there and no key
 */
export function formIdempotencyKey(contentType: string | undefined, body: Uint8Array): string | undefined {
  if (!isForm(contentType)) return undefined
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  // Most forms have none: looking for the name costs less than decoding them all.
  let at = bytes.indexOf(PREFIX)
  while (at > 0 && bytes[at - 1] !== AMPERSAND) at = bytes.indexOf(PREFIX, at + 1)
  if (at < 0) return undefined
  const end = bytes.indexOf('&', at)
  const field = bytes.toString('latin1', at, Math.min(end < 0 ? bytes.length : end, at + FIELD_BYTES_MAX))
  return `form:${createHash('sha256').update(bytes).digest('base64url')}:${keyIn(field)}`
}

const keyIn = (field: string): string =>
  parseIdempotencyKey(new URLSearchParams(field).get(FORM_KEY_FIELD) ?? '')

/**
 * The same for a form that waits on disk: it is read in parts, and only the field is kept.
 *
 * @throws BadIdempotencyKey when the field is there and no key
 */
export async function spooledFormKey(
  contentType: string | undefined,
  body: SpooledBody,
): Promise<string | undefined> {
  if (!isForm(contentType)) return undefined
  const sign = `&${PREFIX}`
  // As if a field had ended before the first.
  let held = Buffer.from('&')
  for await (const part of body.parts()) {
    held = Buffer.concat([held, part])
    const at = held.indexOf(sign)
    if (at < 0) held = held.subarray(-sign.length)
    else if (held.length >= at + 1 + FIELD_BYTES_MAX || held.indexOf('&', at + 1) >= 0) break
  }
  const at = held.indexOf(sign)
  if (at < 0) return undefined
  const end = held.indexOf('&', at + 1)
  const field = held.toString(
    'latin1',
    at + 1,
    Math.min(end < 0 ? held.length : end, at + 1 + FIELD_BYTES_MAX),
  )
  return `form:${body.hash}:${keyIn(field)}`
}
