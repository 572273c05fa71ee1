import type { Clock } from '../../core/clock.ts'

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

  /** @returns whether a place was had within `waitMs`; it has to be given back by {@link leave} */
  enter(waitMs: number): Promise<boolean> {
    if (this.#taken < this.#max) {
      this.#taken++
      return Promise.resolve(true)
    }
    return new Promise((resolve) => {
      const timer = this.#clock.timer(Math.max(waitMs, 0), () => {
        this.#waiting.delete(admit)
        resolve(false)
      })
      const admit = (): void => {
        timer.cancel()
        resolve(true)
      }
      this.#waiting.add(admit)
    })
  }

  leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#taken--
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
