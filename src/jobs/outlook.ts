import type { LookFrom, OrderPlace } from './desk.ts'
import { restMs } from './rest.ts'

/** Milliseconds that a job may take to be seen after it became ready: its transaction has still to commit. */
const UNSEEN_MS = 1_000
/** Milliseconds between two looks from the beginning; see {@link restMs}. */
const WHOLE_MS = [200, 5_000] as const

/**
 * Where to look for ready jobs: from where the last claim ended, and at what became ready since. A look from the beginning
 * passes the dead index entries of all jobs that were claimed while some old transaction holds its snapshot; so it is
 * made now and then only, and the more seldom the longer it takes, up to a bound.
 */
export class Outlook {
  /** When the last look from the beginning was sent, and the next is due. Monotonic milliseconds. */
  #wholeDueAt = Number.NEGATIVE_INFINITY
  #lookedAt = Number.NEGATIVE_INFINITY
  #last: OrderPlace | undefined

  /** Undefined: from the beginning. */
  from(now: number): LookFrom | undefined {
    if (now >= this.#wholeDueAt) return undefined
    return { windowMs: now - this.#lookedAt + UNSEEN_MS, last: this.#last }
  }

  looked(whole: boolean, sentAt: number, answeredAt: number, last: OrderPlace | undefined): void {
    this.#lookedAt = sentAt
    this.#last = last
    if (whole) this.#wholeDueAt = answeredAt + restMs(answeredAt - sentAt, ...WHOLE_MS)
  }

  /** The next look is from the beginning. */
  forget(): void {
    this.#wholeDueAt = Number.NEGATIVE_INFINITY
  }
}
