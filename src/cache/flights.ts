import type { Clock } from '../core/clock.ts'
import { within } from '../core/within.ts'
import type { Lease } from './cluster-state.ts'
import type { Given, LoadScope } from './load-scope.ts'

/** What a load gave. */
export interface Loaded {
  readonly value: unknown
  readonly reading: Given
  /** Cached values went into it, as far as they were allowed to the one who began it. */
  readonly nested: boolean
}

/** A load under way, with everybody who waits for it. */
export interface Flight {
  /** Counts loads and arrivals together, so that either can be told to be the later. */
  readonly serial: number
  readonly lease: Lease
  readonly scope: LoadScope
  /** Monotonic milliseconds. */
  readonly deadlineAt: number
  readonly done: Promise<Loaded>
}

/**
 * The current load of each key. Several of one key run at once only when the earlier ones began before an
 * invalidation: nobody joins those any more.
 */
export class Flights {
  readonly #clock: Clock
  readonly #current = new Map<string, Flight>()
  #serial = 0
  #running = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Somebody has come: loads with a higher number began after that. */
  arrive(): number {
    return ++this.#serial
  }

  /** Loads that run at this moment. */
  get running(): number {
    return this.#running
  }

  current(text: string): Flight | undefined {
    return this.#current.get(text)
  }

  /** Begins a load that others may join. Its failure is theirs who wait; with nobody waiting it is nobody's. */
  begin(lease: Lease, scope: LoadScope, deadlineAt: number, load: () => Promise<Loaded>): Flight {
    this.#running++
    const serial = ++this.#serial
    const done = load().finally(() => {
      this.#running--
      if (this.#current.get(lease.text) === flight) this.#current.delete(lease.text)
    })
    const flight: Flight = { serial, lease, scope, deadlineAt, done }
    this.#current.set(lease.text, flight)
    done.catch(() => {})
    return flight
  }

  /** A load that nobody joins. */
  aside<R>(load: () => Promise<R>): Promise<R> {
    this.#running++
    return load().finally(() => {
      this.#running--
    })
  }

  /** The outcome of `flight`, or `timedOut` when that comes later than a waiter can wait. */
  wait({ done, deadlineAt }: Flight, until: number, timedOut: () => Error): Promise<Loaded> {
    if (deadlineAt <= until) return done
    return within(this.#clock, done, until - this.#clock.monotonic(), timedOut)
  }
}
