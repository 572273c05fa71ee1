import { Problem } from '../domain/problems.ts'

/** The hidden field whose value the platform takes for the `Idempotency-Key` of a form. */
export const FORM_KEY_FIELD = '_idempotency_key'
const FORM_KEY = /^[\w-]{8,64}$/

export const isFormKey = (text: string): boolean => FORM_KEY.test(text)

const FORM_TYPE = /^application\/x-www-form-urlencoded\s*(;|$)/i

/** What a form sent. */
export interface Form {
  /** The value of a field; empty when it is not there. Never trimmed: a password may begin with a space. */
  text(name: string): string
  has(name: string): boolean
  /** The key it was sent under, when it has the form of one of ours. */
  readonly key: string | null
}

/** @throws Problem `not-a-form` */
export async function readForm(request: Request): Promise<Form> {
  if (!FORM_TYPE.test(request.headers.get('content-type') ?? '')) {
    throw new Problem('not-a-form', 415, 'This address takes the forms of its own pages.')
  }
  // Not URLSearchParams: it takes seconds for a megabyte of empty fields, and an address for photos takes many.
  const fields = await request.formData()
  const text = (name: string): string => String(fields.get(name) ?? '')
  const key = text(FORM_KEY_FIELD)
  return {
    text,
    has: (name) => fields.has(name),
    key: isFormKey(key) ? key : null,
  }
}
