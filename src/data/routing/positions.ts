import type { Clock, Timer } from '../../core/clock.ts'
import type { Position } from '../../core/position.ts'
import { reaches } from '../connection/span.ts'

/** Milliseconds between two questions while somebody waits for a position. */
const POLL_MS = 2

interface Waiting {
  readonly need: Position
  readonly end: (reached: boolean) => void
}

/** Those who wait until some replica has reached a position. Any answer of a replica may end it; meanwhile all are asked. */
export class Positions {
  readonly #clock: Clock
  readonly #ask: () => void
  readonly #waiting = new Set<Waiting>()
  #timer: Timer | undefined

  /** @param ask asks every replica where it is, unless it has been asked already; the answers come by `told` */
  constructor(clock: Clock, ask: () => void) {
    this.#clock = clock
    this.#ask = ask
  }

  /** Waits `msMax` at most. @returns whether a replica has reached it */
  reach(need: Position, msMax: number): Promise<boolean> {
    return new Promise((resolve) => {
      const late = this.#clock.timer(msMax, () => waiting.end(false))
      const waiting: Waiting = {
        need,
        end: (reached) => {
          late.cancel()
          this.#waiting.delete(waiting)
          resolve(reached)
        },
      }
      this.#waiting.add(waiting)
      if (!this.#timer) this.#poll()
    })
  }

  told(position: Position): void {
    for (const waiting of this.#waiting) if (reaches(position, waiting.need)) waiting.end(true)
  }

  #poll(): void {
    this.#timer = undefined
    if (this.#waiting.size === 0) return
    this.#ask()
    this.#timer = this.#clock.timer(POLL_MS, () => this.#poll())
  }
}
