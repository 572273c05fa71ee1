import type { Clock, Timer } from '../core/clock.ts'
import type { Service } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import type { RandomSource } from '../core/random.ts'

/** Milliseconds between two rounds; each wait is drawn between half of it and the whole, so that nodes do not sweep as one. */
const ROUND_MS = 60_000

/** A task that deletes what is no longer needed. Any node may run it at any time, several at once. */
export interface Sweep {
  readonly name: string
  run(): Promise<unknown>
}

/** Runs the sweeps now and then. A sweep that fails is logged and tried in the next round. */
export function createUpkeep({
  sweeps,
  clock,
  random,
  log,
}: {
  sweeps: readonly Sweep[]
  clock: Clock
  random: RandomSource
  log: Logger
}): Service {
  let timer: Timer | undefined
  let running: Promise<void> | undefined
  let stopped = false
  const round = async (): Promise<void> => {
    for (const { name, run } of sweeps) {
      if (stopped) return
      await run().catch((error: unknown) => {
        // A stop may take its sessions away.
        if (!stopped)
          log.warn({ err: error, sweep: name }, 'a sweep failed; it is tried again in the next round')
      })
    }
  }
  const schedule = (): void => {
    timer = clock.timer(ROUND_MS * (0.5 + random.next() / 2), () => {
      running = round().finally(() => {
        running = undefined
        if (!stopped) schedule()
      })
    })
  }
  return {
    start: async () => schedule(),
    stop: async () => {
      stopped = true
      timer?.cancel()
      await running
    },
  }
}
