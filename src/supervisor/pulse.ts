import type { Clock, Timer } from '../core/clock.ts'
import type { StartRequest } from './start-request.ts'

/** Pings in the span after which a process that answered none of them counts as unresponsive. */
const PINGS = 3

/** Watches whether a process still answers. */
export interface Pulse {
  /** It has answered. */
  answered(): void
  stop(): void
}

/**
 * Pings a process, and calls `onSilence` once when it has let several in a row go unanswered. Counted are pings, not
 * seconds: a machine that slept, or a guard that was paused, wakes to a process that had no chance to answer.
 */
export function watchPulse(
  { clock, request }: { readonly clock: Clock; readonly request: StartRequest },
  ping: () => void,
  onSilence: () => void,
): Pulse {
  let unanswered = 0
  let timer: Timer | undefined
  const everyMs = request.unresponsiveMs / PINGS
  const beat = (sentAt: number): void => {
    // Late by much: we were paused ourselves.
    if (clock.monotonic() - sentAt > everyMs * 2) unanswered = 0
    if (unanswered >= PINGS) {
      onSilence()
      return
    }
    unanswered++
    ping()
    const now = clock.monotonic()
    timer = clock.timer(everyMs, () => beat(now))
  }
  // A debugger holds a process up on purpose.
  const debugged = process.execArgv.some((flag) => /^--inspect(-brk|-wait)?(=|$)/.test(flag))
  if (everyMs > 0 && !debugged) beat(clock.monotonic())
  return {
    answered: () => {
      unanswered = 0
    },
    stop: () => timer?.cancel(),
  }
}
