import type { RandomSource } from '../core/random.ts'

/** A key that is read often. */
export interface HotKey {
  readonly key: string
  /** Estimated reads, of which older ones count less. */
  readonly reads: number
  /** By how much `reads` may be too high. */
  readonly error: number
}

/** Of so many reads one is counted, on average: the count costs less than the read. */
const SAMPLE_MEAN = 64
const COUNTERS = 64
/** Counted reads after which all counts are halved: what was hot fades. */
const HALVE_AFTER = 4096

interface Counter {
  count: number
  error: number
}

/**
 * The most read keys in bounded memory: space-saving (Metwally, Agrawal, El Abbadi 2005) over a random sample.
 *
 * A key that is not among the counters takes the place of the least counted and inherits its count as its possible error.
 */
export class HotKeys {
  readonly #random: RandomSource
  readonly #counters = new Map<string, Counter>()
  #untilSample = 1
  #counted = 0

  constructor(random: RandomSource) {
    this.#random = random
  }

  /** Notes a read; most are not counted. */
  note(key: string): void {
    if (--this.#untilSample > 0) return
    // Random strides: a regular pattern of reads must not hide a key.
    this.#untilSample = 1 + Math.floor(this.#random.next() * (2 * SAMPLE_MEAN - 1))
    this.#count(key)
  }

  /** The most read first. */
  top(count: number): HotKey[] {
    return [...this.#counters]
      .map(([key, { count: reads, error }]) => ({
        key,
        reads: reads * SAMPLE_MEAN,
        error: error * SAMPLE_MEAN,
      }))
      .sort((one, other) => other.reads - other.error - (one.reads - one.error))
      .slice(0, count)
  }

  #count(key: string): void {
    if (++this.#counted % HALVE_AFTER === 0) this.#halve()
    const counter = this.#counters.get(key)
    if (counter) {
      counter.count++
      return
    }
    if (this.#counters.size < COUNTERS) {
      this.#counters.set(key, { count: 1, error: 0 })
      return
    }
    let least = ''
    let leastCount = Number.POSITIVE_INFINITY
    for (const [candidate, { count }] of this.#counters) {
      if (count >= leastCount) continue
      least = candidate
      leastCount = count
    }
    this.#counters.delete(least)
    this.#counters.set(key, { count: leastCount + 1, error: leastCount })
  }

  #halve(): void {
    for (const [key, counter] of this.#counters) {
      counter.count = Math.floor(counter.count / 2)
      counter.error = Math.floor(counter.error / 2)
      if (counter.count === 0) this.#counters.delete(key)
    }
  }
}
