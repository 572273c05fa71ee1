/** Milliseconds between two passes under traffic, in the long run. */
export const TRAFFIC_MS = 10
/** Milliseconds between two passes that only tidy up: everybody has what is there. */
export const TIDY_MS = 40
/** Milliseconds between two passes while somebody reads and nobody writes. */
export const READING_MS = 200
/** Milliseconds between two passes when nothing happens. */
export const IDLE_MS = 1_000
/** Milliseconds between two attempts to become the leader. */
export const CANDIDATE_MS = 500
const BACKOFF_MS_MIN = 50
const BACKOFF_MS_MAX = 1_000

/** What decides when the relay looks next. Times are monotonic milliseconds. */
export interface Demand {
  /** Consecutive failures. */
  readonly failures: number
  readonly leading: boolean
  /** Somebody may not have what was committed, or waits for a position. */
  readonly urgent: boolean
  /** Rows are to be deleted that everybody has. */
  readonly untidy: boolean
  /** Somebody reads from a level. */
  readonly reading: boolean
}

/**
 * When the relay looks next. Under traffic at most once in {@link TRAFFIC_MS}, but after a pause twice in a row:
 * the first pass delivers, the second, by deleting, moves the log beyond what the first was asked for.
 */
export class Pace {
  #lastAt = Number.NEGATIVE_INFINITY
  /** When the next pass is due in a steady flow (the generic cell rate algorithm, with a burst of two). */
  #steadyAt = Number.NEGATIVE_INFINITY

  began(now: number): void {
    this.#lastAt = now
    this.#steadyAt = Math.max(now, this.#steadyAt) + TRAFFIC_MS
  }

  /** Not before the time of the last begin. */
  nextAt({ failures, leading, urgent, untidy, reading }: Demand): number {
    if (failures > 0)
      return this.#lastAt + Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** Math.min(failures - 1, 10))
    if (!leading) return this.#lastAt + CANDIDATE_MS
    if (urgent) return Math.max(this.#lastAt, this.#steadyAt - TRAFFIC_MS)
    if (untidy) return this.#lastAt + TIDY_MS
    return this.#lastAt + (reading ? READING_MS : IDLE_MS)
  }
}
