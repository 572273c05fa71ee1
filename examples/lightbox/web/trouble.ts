import { Problem } from '../domain/problems.ts'

/** What a person is told when a request fails. */
export interface Trouble {
  readonly status: number
  /** In words for a person; absent when only the kind of failure may be told. */
  readonly detail?: string
  readonly retryAfterSeconds?: number
  readonly headers?: Readonly<Record<string, string>>
}

/** The part of the platform's errors that matters here, also when they come from another copy of it. */
interface PlatformError extends Error {
  readonly code: string
  readonly status: number
  readonly retryAfterSeconds?: number
}

/** Null when nobody foresaw the error: then it is the platform's to log. */
export function troubleOf(error: unknown): Trouble | null {
  if (error instanceof Problem) {
    const after = Number(error.headers['retry-after'])
    return {
      status: error.status,
      detail: error.message,
      headers: error.headers,
      ...(after > 0 && { retryAfterSeconds: after }),
    }
  }
  if (!isPlatformError(error) || error.status < 400) return null
  const after = error.retryAfterSeconds
  return { status: error.status, ...(after !== undefined && { retryAfterSeconds: after }) }
}

/** Whether the same form may simply be sent again: it was too early, or nobody knows whether it worked. */
export function mayTryAgain({ status }: Trouble): boolean {
  return status === 429 || status === 503
}

function isPlatformError(error: unknown): error is PlatformError {
  if (!(error instanceof Error)) return false
  const { code, status } = error as Partial<PlatformError>
  return typeof code === 'string' && code.startsWith('TENFOLD_') && typeof status === 'number'
}
