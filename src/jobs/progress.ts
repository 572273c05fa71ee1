import type { Clock } from '../core/clock.ts'
import type { Json } from '../core/json.ts'

/** Milliseconds between two writes of one run's progress. */
const APART_MS = 250

/** Writes how far a run has come, the latest value only, a few times a second. */
export class Progress {
  readonly #clock: Clock
  readonly #store: (value: Json) => Promise<void>
  #latest: Json = null
  #storedAt = Number.NEGATIVE_INFINITY
  #waiting: Promise<void> | undefined
  #storing: Promise<void> = Promise.resolve()
  readonly #hurry = new AbortController()

  /** @param store rejects when the run is another's */
  constructor(clock: Clock, store: (value: Json) => Promise<void>) {
    this.#clock = clock
    this.#store = store
  }

  /** Resolves when this value, or a later one, is stored. */
  set(value: Json): Promise<void> {
    this.#latest = value
    if (!this.#waiting) {
      this.#waiting = this.#next()
      // Who does not await it must not end the process with it.
      this.#waiting.catch(() => {})
    }
    return this.#waiting
  }

  /** Stores at once what waits; never rejects. */
  async close(): Promise<void> {
    this.#hurry.abort()
    await this.#waiting?.catch(() => {})
    await this.#storing.catch(() => {})
  }

  async #next(): Promise<void> {
    await this.#storing.catch(() => {})
    const left = this.#storedAt + APART_MS - this.#clock.monotonic()
    if (left > 0) await this.#clock.sleep(left, { signal: this.#hurry.signal }).catch(() => {})
    this.#waiting = undefined
    this.#storing = this.#store(this.#latest)
    this.#storedAt = this.#clock.monotonic()
    await this.#storing
  }
}
