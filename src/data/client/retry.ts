import type { Clock } from '../../core/clock.ts'
import type { RandomSource } from '../../core/random.ts'

/** First and last pause between attempts, in milliseconds; each is drawn between half and the whole. */
const PAUSE_MS = [4, 200] as const

/** The longest that timers, here and in PostgreSQL, can count: 24 days, in milliseconds. */
const DEADLINE_MS_MAX = 2 ** 31 - 1

/** How long one call may go on, over all its attempts. */
export class Deadline {
  readonly ms: number
  readonly #clock: Clock
  readonly #endsAt: number

  /** @throws RangeError when `ms` is no number; what is longer than 24 days is 24 days */
  constructor(clock: Clock, ms: number) {
    if (Number.isNaN(ms)) throw new RangeError('deadlineMs is not a number')
    this.ms = Math.min(ms, DEADLINE_MS_MAX)
    this.#clock = clock
    this.#endsAt = clock.monotonic() + this.ms
  }

  get leftMs(): number {
    return this.#endsAt - this.#clock.monotonic()
  }

  get passed(): boolean {
    return this.leftMs <= 0
  }
}

/** Pauses that grow from one failed attempt to the next, with jitter so that waiters do not return as one. */
export class Backoff {
  #nextMs: number = PAUSE_MS[0]
  readonly #clock: Clock
  readonly #random: RandomSource

  constructor(clock: Clock, random: RandomSource) {
    this.#clock = clock
    this.#random = random
  }

  /** @throws the signal's reason */
  async pause(deadline: Deadline, signal?: AbortSignal): Promise<void> {
    const ms = Math.min(this.#nextMs * (0.5 + this.#random.next() / 2), Math.max(deadline.leftMs, 0))
    this.#nextMs = Math.min(this.#nextMs * 2, PAUSE_MS[1])
    await this.#clock.sleep(ms, { signal })
  }
}
