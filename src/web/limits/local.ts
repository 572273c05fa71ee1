import type { Clock } from '../../core/clock.ts'
import { advance, type Decision, decisionOf, type Pace } from './gcra.ts'

/** Keys that are remembered; beyond it the least recently used are forgotten. */
const KEYS_MAX = 10_000

/** Counts in this process, while the store is away. */
export class LocalLimiter {
  /** Theoretical arrival time by key, in monotonic milliseconds. */
  readonly #arrivals = new Map<string, number>()
  readonly #clock: Clock
  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Notes what the store said, so that a key does not get a fresh burst when the store goes away. */
  note(key: string, aheadMs: number): void {
    this.#arrivals.delete(key)
    if (this.#arrivals.size >= KEYS_MAX) {
      for (const oldest of this.#arrivals.keys()) {
        this.#arrivals.delete(oldest)
        break
      }
    }
    this.#arrivals.set(key, this.#clock.monotonic() + aheadMs)
  }

  take(key: string, cost: number, pace: Pace): Decision {
    const now = this.#clock.monotonic()
    const aheadMs = (this.#arrivals.get(key) ?? now) - now
    const next = advance(aheadMs, cost, pace)
    if (next === undefined) return decisionOf(false, aheadMs, cost, pace)
    this.note(key, next)
    return decisionOf(true, next, cost, pace)
  }

  reset(key: string): void {
    this.#arrivals.delete(key)
  }
}
