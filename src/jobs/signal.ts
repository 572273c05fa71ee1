import type { Clock } from '../core/clock.ts'

/** Wakes those who wait for something to have changed. A change while nobody waits is remembered once. */
export class Signal {
  #changed = false
  readonly #waiting = new Set<() => void>()

  notify(): void {
    if (this.#waiting.size === 0) this.#changed = true
    for (const wake of [...this.#waiting]) wake()
  }

  /** Forgets a change that has been looked at. */
  reset(): void {
    this.#changed = false
  }

  /** Resolves at the next change, or after `ms`. */
  async wait(clock: Clock, ms: number): Promise<void> {
    if (this.#changed) {
      this.#changed = false
      return
    }
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        timer.cancel()
        resolve()
      }
      const timer = clock.timer(ms, wake)
      this.#waiting.add(wake)
    })
  }
}
