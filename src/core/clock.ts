/** The one source of time. Injected, so that tests and the simulator can move it. */
export interface Clock {
  /** Milliseconds since the Unix epoch; may jump. Integer. */
  now(): number
  /** Milliseconds since an arbitrary start; never goes back. Fractional. */
  monotonic(): number
  /** Resolves after `ms` milliseconds, or rejects with the signal's reason. */
  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Calls `run` once after `ms` milliseconds unless cancelled; does not keep the process alive. */
  timer(ms: number, run: () => void): Timer
}

/** A pending {@link Clock.timer}. */
export interface Timer {
  cancel(): void
}

/** The machine's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, { signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason)
      const onAbort = () => {
        clearTimeout(timeout)
        reject(signal?.reason)
      }
      const timeout = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
  timer: (ms, run) => {
    const timeout = setTimeout(run, ms)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}
