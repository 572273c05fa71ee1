import { z } from 'zod'

const CONTROL = /\p{Cc}/u
const CONTROL_BUT_LINES = /[^\P{Cc}\n\t]/u

/** Characters as people count them: code points, not UTF-16 units. The same in JSON Schema. */
const length = (text: string): number => [...text].length

/**
 * Text that comes back exactly as it was stored: well-formed Unicode without control characters (PostgreSQL
 * has no NUL, a lone surrogate has no UTF-8). Spaces around it are dropped before it is measured.
 */
function text(min: number, max: number, forbidden: RegExp) {
  return z
    .string()
    .trim()
    .refine((value) => value.isWellFormed(), { error: 'must be well-formed Unicode' })
    .refine((value) => !forbidden.test(value), { error: 'must not contain control characters' })
    .refine((value) => length(value) >= min && length(value) <= max, {
      error: `must have ${min === 0 ? 'at most' : `${min} to`} ${max} characters`,
    })
    .meta({ minLength: min, maxLength: max })
}

/** One line. */
export const line = (min: number, max: number) => text(min, max, CONTROL)

/** Several lines; forms end them with CR LF. */
export const prose = (min: number, max: number) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.replace(/\r\n?/g, '\n') : value),
    text(min, max, CONTROL_BUT_LINES),
  )

/** Compared as NFKC, so that the same password typed on another keyboard is the same. */
export const password = (min: number) =>
  z
    .string()
    .refine((value) => value.isWellFormed(), { error: 'must be well-formed Unicode' })
    .refine((value) => length(value) >= min && length(value) <= 200, {
      error: `must have ${min} to 200 characters`,
    })
    .overwrite((value) => value.normalize('NFKC'))
    .meta({ minLength: min, maxLength: 200, format: 'password' })
