import { isTenfoldError } from '../core/errors.ts'

/** What the control socket answers. */
export interface ControlAnswer {
  readonly status: number
  readonly body: unknown
}

/** One of our errors as an answer. @throws what is none of ours */
export function refusal(error: unknown): ControlAnswer {
  if (!isTenfoldError(error)) throw error
  const { status, code, message: title, remedy } = error
  return { status, body: { title, code, remedy } }
}
