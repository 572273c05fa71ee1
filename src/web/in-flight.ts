import type { Clock, Timer } from '../core/clock.ts'
import { BodyTooSlow, RequestDeadline } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { BODY_GRACE_MS, BODY_RATE_MIN, DEADLINE_MS, SWEEP_MS } from './options.ts'

interface Limits {
  readonly clock: Clock
  readonly deadlineMs?: number | undefined
  readonly bodyRateMin?: number | undefined
  readonly bodyGraceMs?: number | undefined
  readonly sweepMs?: number | undefined
}

/**
 * The requests that are being read, run or answered. One timer for all of them looks at deadlines and rates,
 * because a timer a request costs more than the rest of this file.
 */
export class InFlight {
  /** A list through the exchanges themselves: a set would hash each of them twice. */
  #newest: Exchange | undefined
  #size = 0
  readonly #limits: Limits
  readonly #end: (exchange: Exchange, reason: Error) => void
  #timer: Timer | undefined
  #stopped = false
  #waiting: (() => void)[] = []

  constructor(limits: Limits, end: (exchange: Exchange, reason: Error) => void) {
    this.#limits = limits
    this.#end = end
  }

  get size(): number {
    return this.#size
  }

  add(exchange: Exchange): void {
    const newest = this.#newest
    exchange.older = newest
    if (newest) newest.newer = exchange
    this.#newest = exchange
    this.#size++
    if (!this.#timer) this.#arm()
  }

  delete(exchange: Exchange): void {
    const { older, newer } = exchange
    if (newer) newer.older = older
    else this.#newest = older
    if (older) older.newer = newer
    exchange.older = exchange.newer = undefined
    this.#size--
    if (this.#size > 0 || this.#waiting.length === 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  settled(): Promise<void> {
    return this.#size === 0 ? Promise.resolve() : new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Ends every request that has no answer yet, and breaks off the answers that are still being sent. */
  stop(reason: Error): void {
    this.#stopped = true
    this.#timer?.cancel()
    for (const exchange of this.#snapshot()) {
      exchange.body?.cancel(reason)
      this.#end(exchange, reason)
    }
  }

  /** Ending one takes it out of the list. */
  #snapshot(): Exchange[] {
    const all: Exchange[] = []
    for (let one = this.#newest; one; one = one.older) all.push(one)
    return all.reverse()
  }

  #arm(): void {
    if (this.#stopped) return
    this.#timer = this.#limits.clock.timer(this.#limits.sweepMs ?? SWEEP_MS, () => {
      this.#timer = undefined
      this.#sweep()
      if (this.#size > 0) this.#arm()
    })
  }

  #sweep(): void {
    const {
      clock,
      deadlineMs = DEADLINE_MS,
      bodyRateMin = BODY_RATE_MIN,
      bodyGraceMs = BODY_GRACE_MS,
    } = this.#limits
    const now = clock.monotonic()
    for (const exchange of this.#snapshot()) {
      if (exchange.state === 'running' && now - exchange.runningAt >= deadlineMs)
        this.#end(exchange, new RequestDeadline(deadlineMs))
      else if (exchange.state === 'reading') {
        const elapsed = now - exchange.startedAt
        const enough = (bodyRateMin * elapsed) / 1000
        if (elapsed >= bodyGraceMs && (exchange.body?.received ?? 0) < enough)
          exchange.body?.cancel(new BodyTooSlow())
      }
    }
  }
}
