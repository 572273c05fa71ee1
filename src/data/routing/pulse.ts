import type { Clock, Timer } from '../../core/clock.ts'

/** How often a node that owes answers is looked at, in milliseconds. */
const TICK_MS = 20
/** Milliseconds without any answer after which what was asked is asked elsewhere. */
export const LATE_MS = 60

export interface PulseOptions {
  readonly clock: Clock
  /** Answers that the node owes. */
  readonly outstanding: () => number
  /** Asks it something that is answered at once. */
  readonly ping: () => void
  /** It has answered nothing for {@link LATE_MS}. */
  readonly late: () => void
}

/**
 * Notices when a node that owes answers says nothing at all: a slow statement is no sign, as others are answered
 * meanwhile, or a ping. Runs only while answers are owed.
 */
export class Pulse {
  readonly #options: PulseOptions
  #timer: Timer | undefined
  #dueAt = 0
  #heardAt = 0

  constructor(options: PulseOptions) {
    this.#options = options
  }

  /** Something was asked. */
  sent(): void {
    if (this.#timer) return
    this.#heardAt = this.#options.clock.monotonic()
    this.#next()
  }

  /** Something was answered. */
  heard(): void {
    this.#heardAt = this.#options.clock.monotonic()
  }

  stop(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #next(): void {
    const { clock } = this.#options
    this.#dueAt = clock.monotonic() + TICK_MS
    this.#timer = clock.timer(TICK_MS, () => this.#tick())
  }

  #tick(): void {
    const { clock, outstanding, ping, late } = this.#options
    this.#timer = undefined
    if (outstanding() === 0) return
    const now = clock.monotonic()
    // When this process itself was held up, answers may lie unread.
    const heldUpMs = now - this.#dueAt
    if (heldUpMs > TICK_MS) this.#heardAt += heldUpMs
    const silentMs = now - this.#heardAt
    this.#next()
    if (silentMs >= LATE_MS) late()
    else if (silentMs >= TICK_MS) ping()
  }
}
