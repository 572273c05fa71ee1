import { BATCH_MAX } from './defaults.ts'

/** Milliseconds of work that a worker keeps at hand beyond what runs. */
const AHEAD_MS = 100
/** Milliseconds that a claimed job may have to wait here before it is given back to others. */
const PATIENCE_MS = 1_000
/** A run of so many milliseconds is no hiccup of this process (garbage, a busy machine): it tells of what is to come. */
const LONG_MS = 100
/** Weight of the newest run in the average. */
const NEWEST = 0.05

/**
 * How many jobs to hold, from how long runs take: jobs of microseconds by the hundred, so that a round trip is spread
 * over many; jobs of seconds only as many as can run, so that other workers get theirs.
 */
export class Pace {
  readonly #slots: number
  #averageMs: number | undefined

  constructor(slots: number) {
    this.#slots = slots
  }

  /** A run took so long. */
  note(ms: number): void {
    // A run much longer than all before counts at once: what is held must not wait behind many like it.
    const sudden = ms >= LONG_MS && ms > (this.#averageMs ?? 0) * 100
    if (this.#averageMs === undefined || sudden) this.#averageMs = ms
    else this.#averageMs += (ms - this.#averageMs) * NEWEST
  }

  /** Jobs to hold at once, running ones included. */
  get target(): number {
    if (this.#averageMs === undefined) return this.#slots
    const ahead = (AHEAD_MS / Math.max(this.#averageMs, 0.001)) * this.#slots
    return Math.min(this.#slots + BATCH_MAX, this.#slots + Math.floor(ahead))
  }

  /** How many to claim, holding so many. Nothing while more than half is there: small claims cost as much as large. */
  want(held: number): number {
    const { target } = this
    if (held > this.#slots && held > target / 2) return 0
    return Math.max(0, Math.min(BATCH_MAX, target - held))
  }

  /** How many of those that wait here should be given back, since runs turned out to be slow. */
  excess(waiting: number): number {
    if ((waiting * (this.#averageMs ?? 0)) / this.#slots <= PATIENCE_MS) return 0
    return Math.max(0, waiting - this.target)
  }
}
