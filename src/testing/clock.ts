import { type Clock, systemClock, type Timer } from '../core/clock.ts'

/**
 * A clock that runs with the machine's and can be put forward. What waits on it wakes when its time has come,
 * by itself or through {@link TestClock.advance}.
 *
 * It does not stand still: connections, retries and deadlines of the real database need time that passes.
 */
export class TestClock implements Clock {
  readonly #base: Clock
  readonly #waiting = new Set<Waiting>()
  readonly #onAdvance: (ms: number) => Promise<void>
  #aheadMs = 0

  /** `onAdvance` brings along what goes by another clock. */
  constructor(onAdvance: (ms: number) => Promise<void> = async () => {}, base: Clock = systemClock) {
    this.#onAdvance = onAdvance
    this.#base = base
  }

  now(): number {
    return this.#base.now() + Math.floor(this.#aheadMs)
  }

  monotonic(): number {
    return this.#base.monotonic() + this.#aheadMs
  }

  sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const stop = new AbortController()
      const onAbort = (): void => {
        waiting.cancel()
        reject(signal?.reason)
      }
      const waiting = this.#wait(
        ms,
        () => {
          signal?.removeEventListener('abort', onAbort)
          resolve()
        },
        () => stop.abort(),
      )
      signal?.addEventListener('abort', onAbort, { once: true })
      // Unlike a timer, a sleep keeps the process alive.
      this.#base.sleep(ms, { signal: stop.signal }).then(waiting.fire, () => {})
    })
  }

  timer(ms: number, run: () => void): Timer {
    let real: Timer | undefined
    const waiting = this.#wait(ms, run, () => real?.cancel())
    real = this.#base.timer(ms, waiting.fire)
    return { cancel: waiting.cancel }
  }

  /** Timers and sleeps that have not come to their end. */
  get pending(): number {
    return this.#waiting.size
  }

  /**
   * Puts the clock forward. What falls due on the way wakes in the order of time and sees the time it asked
   * for; what that starts anew within the span wakes too.
   */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError(`A clock only goes forward, not by ${ms} ms`)
    await this.#onAdvance(ms)
    const end = this.monotonic() + ms
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#aheadMs += Math.max(0, next.due - this.monotonic())
      next.fire()
      await turn()
    }
    this.#aheadMs += Math.max(0, end - this.monotonic())
    await turn()
  }

  #next(end: number): Waiting | undefined {
    const due = [...this.#waiting].filter((waiting) => waiting.due <= end)
    return due.sort((a, b) => a.due - b.due)[0]
  }

  #wait(ms: number, run: () => void, release: () => void): Waiting {
    const end = (): boolean => {
      if (!this.#waiting.delete(waiting)) return false
      release()
      return true
    }
    const waiting: Waiting = {
      due: this.monotonic() + ms,
      cancel: () => void end(),
      fire: () => {
        if (end()) run()
      },
    }
    this.#waiting.add(waiting)
    return waiting
  }
}

interface Waiting {
  /** Monotonic milliseconds of the test clock. */
  readonly due: number
  readonly cancel: () => void
  readonly fire: () => void
}

/** Lets everything run that is ready to. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
