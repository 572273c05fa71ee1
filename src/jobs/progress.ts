import type { Clock } from '../core/clock.ts'
import { PROGRESS_LENGTH_MAX } from './defaults.ts'
import { JobProgressInvalid } from './errors.ts'

/** Milliseconds between two writes of one run's progress. */
const APART_MS = 250

/** Writes how far a run has come, the latest value only, a few times a second. */
export class Progress {
  readonly #clock: Clock
  readonly #store: (json: string) => Promise<void>
  #latest = 'null'
  #storedAt = Number.NEGATIVE_INFINITY
  #waiting: Promise<void> | undefined
  #storing: Promise<void> = Promise.resolve()
  readonly #hurry = new AbortController()

  /** @param store rejects when the run is another's */
  constructor(clock: Clock, store: (json: string) => Promise<void>) {
    this.#clock = clock
    this.#store = store
  }

  /** Resolves when this value, or a later one, is stored. @throws JobProgressInvalid */
  set(name: string, value: unknown): Promise<void> {
    try {
      this.#latest = progressJson(name, value)
    } catch (error) {
      return handled(Promise.reject(error))
    }
    this.#waiting ??= handled(this.#next())
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

/** Who does not await it must not end the process with it. */
function handled(storing: Promise<void>): Promise<void> {
  storing.catch(() => {})
  return storing
}

/** It is shown beside the job, written anew each time, and read with every list: no place for results. */
function progressJson(name: string, value: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } catch (error) {
    throw new JobProgressInvalid(name, `it is not JSON: ${(error as Error).message}`, { cause: error })
  }
  if (json === undefined) throw new JobProgressInvalid(name, 'it is not JSON')
  if (json.length <= PROGRESS_LENGTH_MAX) return json
  throw new JobProgressInvalid(
    name,
    `its JSON has ${json.length} characters, more than ${PROGRESS_LENGTH_MAX}`,
  )
}
