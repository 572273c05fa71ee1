import type { Clock } from './clock.ts'

/**
 * `work`, or an error after `ms` milliseconds, or the signal's reason; what `work` gives later is lost without harm.
 */
export function within<R>(
  clock: Clock,
  work: Promise<R>,
  ms: number,
  timedOut: () => Error,
  signal?: AbortSignal,
): Promise<R> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => reject(signal?.reason as Error)
    const timer = clock.timer(Math.max(0, ms), () => reject(timedOut()))
    signal?.addEventListener('abort', aborted, { once: true })
    if (signal?.aborted) aborted()
    work.then(resolve, reject).finally(() => {
      timer.cancel()
      signal?.removeEventListener('abort', aborted)
    })
  })
}
