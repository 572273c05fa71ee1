/**
 * The base of every error that Tenfold raises on purpose.
 *
 * A subclass is one case. Its `code` is stable, its message names the cause, its `remedy` says what to do,
 * and `docs/errors.md` has a section headed by the code.
 */
export abstract class TenfoldError extends Error {
  abstract readonly code: ErrorCode
  /** What the reader of this error can do about it; one sentence. */
  readonly remedy: string
  /** The HTTP status that fits when this error ends a request. @defaultValue 500 */
  readonly status: number = 500
  /** Seconds after which a client may try again, when that makes sense. */
  readonly retryAfterSeconds?: number

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options)
    this.remedy = remedy
    this.name = new.target.name
  }

  /** The page and anchor that explain this error. */
  get docs(): string {
    return `docs/errors.md#${this.code.toLowerCase()}`
  }
}

/** A stable error code; each has one class and one section in `docs/errors.md`. */
export type ErrorCode = `TENFOLD_${Uppercase<string>}`

/** Whether `error` is a {@link TenfoldError} of any kind, also one from another copy of the package. */
export function isTenfoldError(error: unknown): error is TenfoldError {
  return (
    error instanceof Error &&
    typeof (error as { code?: unknown }).code === 'string' &&
    (error as unknown as { code: string }).code.startsWith('TENFOLD_')
  )
}

/** Text for a person: cause, remedy, and where to read more. Never contains a stack. */
export function explain(error: unknown): string {
  if (isTenfoldError(error)) return `${error.message}\n  ${error.remedy}\n  (${error.code}, ${error.docs})`
  if (error instanceof Error) return error.message
  return String(error)
}
