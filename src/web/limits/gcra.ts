/** A limit as GCRA counts it. Milliseconds. */
export interface Pace {
  /** Between two events at the even rate. */
  readonly intervalMs: number
  /** How far ahead of the even rate a key may be. */
  readonly toleranceMs: number
}

export interface Decision {
  readonly allowed: boolean
  readonly remaining: number
  /** Whole seconds, at least 1 when denied; 0 when allowed. */
  readonly retryAfterSeconds: number
}

/** The theoretical arrival time after an event, relative to now, or undefined when it must wait. */
export function advance(aheadMs: number, cost: number, pace: Pace): number | undefined {
  const next = Math.max(0, aheadMs) + cost * pace.intervalMs
  return next <= pace.toleranceMs ? next : undefined
}

/** @param aheadMs how far the key is ahead of the even rate, after the event or, when denied, without it */
export function decisionOf(allowed: boolean, aheadMs: number, cost: number, pace: Pace): Decision {
  const room = pace.toleranceMs - Math.max(0, aheadMs)
  // A hair's breadth of rounding must not cost a whole event.
  const remaining = Math.max(0, Math.floor(room / pace.intervalMs + 1e-6))
  if (allowed) return { allowed, remaining, retryAfterSeconds: 0 }
  const waitMs = cost * pace.intervalMs - room
  return { allowed, remaining, retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) }
}
