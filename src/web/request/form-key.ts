import { createHash } from 'node:crypto'
import { parseIdempotencyKey } from './idempotency.ts'
import type { SpooledBody } from './spooled-body.ts'

/**
 * The field of an HTML form that stands for the `Idempotency-Key` header, which a form cannot send: a page
 * draws a random value into a hidden field, and the form sent twice (a double click, a reload, a retry after
 * a lost answer) is applied once.
 */
export const FORM_KEY_FIELD = '_idempotency_key'
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
  if (!bytes.includes(`${FORM_KEY_FIELD}=`)) return undefined
  const value = new URLSearchParams(bytes.toString()).get(FORM_KEY_FIELD)
  if (value === null) return undefined
  return `form:${createHash('sha256').update(bytes).digest('base64url')}:${parseIdempotencyKey(value)}`
}

/** More than any key takes, percent-encoded. Bytes. */
const FIELD_BYTES_MAX = 1024

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
  const prefix = `${FORM_KEY_FIELD}=`
  let field = ''
  for await (const part of body.parts()) {
    const [rest = '', ...more] = Buffer.from(part.buffer, part.byteOffset, part.byteLength)
      .toString('latin1')
      .split('&')
    // Of a field that is something else only the beginning is kept: enough to know.
    field += rest.slice(0, Math.max(0, FIELD_BYTES_MAX - field.length))
    for (const next of more) {
      if (field.startsWith(prefix)) break
      field = next.slice(0, FIELD_BYTES_MAX)
    }
    if (field.startsWith(prefix) && more.length > 0) break
  }
  if (!field.startsWith(prefix)) return undefined
  const value = new URLSearchParams(field).get(FORM_KEY_FIELD) ?? ''
  return `form:${body.hash}:${parseIdempotencyKey(value)}`
}
