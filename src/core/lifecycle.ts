/**
 * What every long-lived part implements.
 *
 * `stop` is idempotent, works before `start`, and resolves only when everything is released. Concurrent
 * calls of either share one promise.
 */
export interface Service {
  start(): Promise<void>
  stop(): Promise<void>
}

type Release = () => void | Promise<void>

/** Acquire, then push the releaser; {@link Releasers.releaseAll} walks back. */
export class Releasers {
  readonly #stack: Release[] = []

  push(release: Release): void {
    this.#stack.push(release)
  }

  /** Runs all releasers, last first. All run, also when one fails; then the failures are thrown. */
  async releaseAll(): Promise<void> {
    const failures: unknown[] = []
    for (let release = this.#stack.pop(); release; release = this.#stack.pop()) {
      try {
        await release()
      } catch (error) {
        failures.push(error)
      }
    }
    if (failures.length === 1) throw failures[0]
    if (failures.length > 1) throw new AggregateError(failures, 'Several parts failed to stop')
  }
}

/** Shares one run of `start` and `stop` among concurrent callers, and makes `stop` wait for `start`. */
export function lifecycle(start: () => Promise<void>, stop: () => Promise<void>): Service {
  let starting: Promise<void> | undefined
  let stopping: Promise<void> | undefined
  return {
    start: () => (starting ??= start()),
    stop: () => (stopping ??= (starting ?? Promise.resolve()).catch(() => {}).then(stop)),
  }
}
