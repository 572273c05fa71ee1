/** Holds that may wait for a pass at the same time. */
export const WAITING_MAX = 10_000

interface Held {
  readonly keys: readonly string[]
  /** Monotonic milliseconds: a pass that began earlier may not have seen the row. */
  readonly notBefore: number
}

/** Holds whose end is a pass of the relay, because the outcome or the position of their commit is not known here. */
export class Waiting {
  readonly #release: (keys: readonly string[]) => void
  #held: Held[] = []

  constructor(release: (keys: readonly string[]) => void) {
    this.#release = release
  }

  get size(): number {
    return this.#held.length
  }

  add(keys: readonly string[], notBefore: number): void {
    if (keys.length > 0) this.#held.push({ keys, notBefore })
  }

  /** Everything that was visible when a pass began at this time has been applied here. */
  passed(beganAt: number): void {
    if (this.#held.length === 0) return
    const over = this.#held.filter(({ notBefore }) => notBefore <= beganAt)
    if (over.length === 0) return
    this.#held = this.#held.filter(({ notBefore }) => notBefore > beganAt)
    for (const { keys } of over) this.#release(keys)
  }

  releaseAll(): void {
    for (const { keys } of this.#held.splice(0)) this.#release(keys)
  }
}
