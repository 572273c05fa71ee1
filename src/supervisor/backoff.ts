/** How long to wait before the next start of something that died, and what to remember for the one after. */
export interface Backoff {
  /** Milliseconds to wait now. */
  readonly waitMs: number
  /** Pass it to the next call. */
  readonly nextMs: number
}

export const BACKOFF_FIRST_MS = 50
export const BACKOFF_MAX_MS = 5_000
/** Something that was healthy for this long starts over with the shortest wait. */
export const BACKOFF_RESET_MS = 10_000

/** Doubles from {@link BACKOFF_FIRST_MS} to {@link BACKOFF_MAX_MS}; `healthyMs` is how long the last run was healthy. */
export function backoff(previousMs: number | undefined, healthyMs: number): Backoff {
  const fresh = previousMs === undefined || healthyMs >= BACKOFF_RESET_MS
  const waitMs = fresh ? BACKOFF_FIRST_MS : previousMs
  return { waitMs, nextMs: Math.min(BACKOFF_MAX_MS, waitMs * 2) }
}
