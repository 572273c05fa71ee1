import type { Clock } from '../../core/clock.ts'

/** Who wait for a place, at most: some tens of megabytes of requests. */
const WAITING_MAX = 20_000

/**
 * - `in`: a place was had; it has to be given back by {@link Admission.leave}
 * - `late`: none in time
 * - `full`: too many wait already
 */
export type Admitted = 'in' | 'late' | 'full'

/** A limited number of places, given in the order of coming. */
export class Admission {
  readonly #max: number
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()
  #taken = 0

  constructor(max: number, clock: Clock) {
    this.#max = max
    this.#clock = clock
  }

  /** Waits for a place, `waitMs` at most. @throws the signal's reason, and the place in the queue is another's */
  enter(waitMs: number, signal?: AbortSignal): Promise<Admitted> {
    if (this.#taken < this.#max) {
      this.#taken++
      return Promise.resolve('in')
    }
    if (this.#waiting.size >= WAITING_MAX) return Promise.resolve('full')
    return new Promise((resolve, reject) => {
      const over = (): void => {
        this.#waiting.delete(admit)
        timer.cancel()
        signal?.removeEventListener('abort', abort)
      }
      const admit = (): void => {
        over()
        resolve('in')
      }
      const abort = (): void => {
        over()
        reject(signal?.reason)
      }
      const timer = this.#clock.timer(Math.max(waitMs, 0), () => {
        over()
        resolve('late')
      })
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.add(admit)
    })
  }

  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken--
      return
    }
    next()
  }
}
