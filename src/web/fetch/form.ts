import { BadForm } from '../errors.ts'

/** Parsing a million empty fields takes the platform's parser seconds, in which nobody is served. */
export const FORM_FIELDS_MAX = 1_000
const URLENCODED = /^application\/x-www-form-urlencoded\s*(?:;|$)/i
const MULTIPART = /^multipart\/form-data\s*;.*?boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i

/** Whether `sign` is in `bytes` more than `max` times. */
function isMoreThan(bytes: Buffer, sign: string, max: number): boolean {
  let count = 0
  for (let at = bytes.indexOf(sign); at >= 0; at = bytes.indexOf(sign, at + sign.length))
    if (++count > max) return true
  return false
}

/** Parses a form as the platform does, but not one of countless fields. @throws BadForm */
export async function parseForm(
  make: (body: Uint8Array<ArrayBuffer>) => Request,
  contentType: string,
  bytes: Uint8Array<ArrayBuffer>,
): Promise<FormData> {
  const [, quoted, bare] = MULTIPART.exec(contentType) ?? []
  const boundary = quoted ?? bare
  const separator = URLENCODED.test(contentType) ? '&' : boundary === undefined ? undefined : `--${boundary}`
  if (separator === undefined) throw new BadForm('its Content-Type is none of a form')
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (isMoreThan(buffer, separator, FORM_FIELDS_MAX)) throw new BadForm('it has too many fields')
  try {
    return await make(bytes).formData()
  } catch (cause) {
    throw new BadForm('it is malformed', { cause })
  }
}
