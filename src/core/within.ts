import type { Clock } from './clock.ts'

/** `work`, or an error after `ms` milliseconds; what `work` gives later is lost without harm. */
export function within<R>(clock: Clock, work: Promise<R>, ms: number, timedOut: () => Error): Promise<R> {
  return new Promise((resolve, reject) => {
    const timer = clock.timer(Math.max(0, ms), () => reject(timedOut()))
    work.then(
      (result) => {
        timer.cancel()
        resolve(result)
      },
      (error: unknown) => {
        timer.cancel()
        reject(error as Error)
      },
    )
  })
}
