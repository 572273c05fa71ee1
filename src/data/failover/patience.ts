import type { Clock } from '../../core/clock.ts'

/** Milliseconds between two looks at something that may take very long. */
const LOOK_MS = 250

export interface Patience {
  /** Where it is: it moves while that changes. */
  readonly where: () => unknown
  /** Milliseconds for which it may stand still. */
  readonly msMax: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

/**
 * Waits for work as long as it gets on.
 * @param work ends by the signal's reason when it has stood still for too long, or `signal` is aborted
 */
export async function whileItMoves<Result>(
  work: (signal: AbortSignal) => Promise<Result>,
  { where, msMax, clock, signal }: Patience,
): Promise<Result> {
  const still = new AbortController()
  const over = new AbortController()
  const watch = async (): Promise<void> => {
    let last = where()
    let movedAt = clock.monotonic()
    for (;;) {
      await clock.sleep(LOOK_MS, { signal: over.signal })
      const now = clock.monotonic()
      const at = where()
      if (at !== last) movedAt = now
      last = at
      if (now - movedAt > msMax) return still.abort(new Error(`nothing has moved for ${msMax} ms`))
    }
  }
  watch().catch(() => {})
  try {
    return await work(AbortSignal.any([signal, still.signal]))
  } finally {
    over.abort()
  }
}
