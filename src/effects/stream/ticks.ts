/** Ticks that are remembered; some seconds of them. */
const TICKS_MAX = 256

/**
 * When a subscriber's ticks arrived. A tick is a time of the subscriber's own clock: given back to it, it says how old
 * something is at most, without any clock that both share.
 */
export class Ticks {
  #arrived: { readonly at: number; readonly tick: number }[] = []

  /** @param at monotonic milliseconds here */
  note(tick: number, at: number): void {
    this.#arrived.push({ at, tick })
    // The oldest are the ones that a pass is least likely to have begun after.
    if (this.#arrived.length > TICKS_MAX) this.#arrived = this.#arrived.slice(TICKS_MAX / 2)
  }

  /** The last one that was here before this time: it was sent before whatever was done then. */
  before(at: number): number | undefined {
    return this.#arrived.findLast((arrived) => arrived.at < at)?.tick
  }
}
