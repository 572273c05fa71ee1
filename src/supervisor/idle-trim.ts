import type { Clock, Timer } from '../core/clock.ts'
import type { Service } from '../core/lifecycle.ts'

/** Milliseconds without a request after which the heap is trimmed: it pauses the process for about 50 ms. */
export const IDLE_TRIM_MS = 10_000

/**
 * Trims the heap once after the start and once each time that traffic has ended: what either has left would stay for as long as the
 * server is idle. Not at once when it is ready: then somebody waits for the first page.
 */
export function createIdleTrim(options: {
  readonly clock: Clock
  /** Requests answered so far. */
  readonly answered: () => number
  readonly inFlight: () => number
  readonly trim: () => void
}): Service {
  const { clock, answered, inFlight, trim } = options
  let timer: Timer | undefined
  let seen = answered()
  let trimmedAt: number | undefined
  const look = (): void => {
    const now = answered()
    if (now === seen && now !== trimmedAt && inFlight() === 0) {
      trim()
      trimmedAt = now
    }
    seen = now
    timer = clock.timer(IDLE_TRIM_MS, look)
  }
  return {
    start: async () => {
      timer = clock.timer(IDLE_TRIM_MS, look)
    },
    stop: async () => timer?.cancel(),
  }
}
