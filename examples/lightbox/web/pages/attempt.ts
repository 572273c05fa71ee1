import type { z } from 'zod'
import { Problem } from '../../domain/index.ts'
import { check } from '../../routes/body.ts'
import { mayTryAgain, type Trouble, troubleOf } from '../trouble.ts'
import type { FormErrors } from '../views/field.ts'

/** A form that did not work, to be shown again with what was typed. */
export interface Refusal {
  readonly ok: false
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** By pointer without its first slash (`address/city`); '' for the form as a whole. */
  readonly errors: FormErrors
  /** Whether the very same form may be sent again, under the same key. */
  readonly again: boolean
}

export type Attempt = { readonly ok: true } | Refusal

const REFUSED = new Set([400, 401, 409, 413, 415, 422, 429, 503])
/** For a form these are one: it was understood and cannot be accepted. 401 would ask for another protocol. */
const UNACCEPTED = new Set([400, 401])

/** Checks a form and does what it asks for. Only failures that the person can do something about are caught. */
export async function attempt<Schema extends z.ZodType>(
  schema: Schema,
  typed: unknown,
  act: (value: z.output<Schema>) => Promise<unknown>,
): Promise<Attempt> {
  try {
    await act(check(schema, typed))
    return { ok: true }
  } catch (error) {
    const trouble = troubleOf(error)
    if (!trouble || !REFUSED.has(trouble.status)) throw error
    return {
      ok: false,
      status: UNACCEPTED.has(trouble.status) ? 422 : trouble.status,
      headers: headersOf(trouble),
      errors: errorsOf(error, trouble),
      again: mayTryAgain(trouble),
    }
  }
}

function errorsOf(error: unknown, trouble: Trouble): FormErrors {
  if (error instanceof Problem && error.fields.length > 0) {
    // The first problem of a field is enough at a time.
    const entries = error.fields.map(({ pointer, detail }) => [pointer.slice(1), detail] as const)
    return Object.fromEntries(entries.reverse())
  }
  return { '': sentenceOf(trouble) }
}

function sentenceOf({ status, detail, retryAfterSeconds }: Trouble): string {
  const wait = retryAfterSeconds ? ` Try again in ${Math.ceil(retryAfterSeconds)} s.` : ' Try again.'
  if (status === 429) return `That was tried too often in a short time.${wait}`
  if (status === 503) return `We could not do that just now. Nothing you typed is lost.${wait}`
  return detail ?? 'That could not be done.'
}

export function headersOf({ headers, retryAfterSeconds }: Trouble): Readonly<Record<string, string>> {
  return {
    ...headers,
    ...(retryAfterSeconds !== undefined && { 'retry-after': String(Math.ceil(retryAfterSeconds)) }),
  }
}
