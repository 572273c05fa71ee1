import type { TestContext } from 'node:test'
import { assertSound } from './judge.ts'
import type { Memory } from './memory.ts'
import type { Fault } from './nemesis.ts'
import { Dice } from './seed.ts'
import type { ServerProcess } from './server.ts'
import { BETWEEN, working } from './working.ts'
import { startWorkload } from './workload.ts'

const SESSIONS = 6

export interface UnderFaults {
  readonly seed: number
  /** By name, in order. */
  readonly faults: readonly (readonly [string, Fault])[]
  /** Bounds a run whose sessions are never answered, in milliseconds. */
  readonly msMax: number
  readonly memory?: (session: number) => Memory
  readonly tabs?: number
  /** Replicas answer reads. @defaultValue false */
  readonly copies?: boolean
}

/** Runs the workload, does the faults one after the other with work in between, and judges the history. */
export async function runUnderFaults(
  t: TestContext,
  server: ServerProcess,
  { seed, faults, msMax, memory, tabs, copies = false }: UnderFaults,
): Promise<void> {
  const dice = new Dice(seed)
  const stop = new AbortController()
  const workload = startWorkload({
    url: server.url,
    dice: dice.branch(1),
    sessions: SESSIONS,
    durationMs: msMax,
    signal: stop.signal,
    ...(memory && { memory }),
    ...(tabs !== undefined && { tabs }),
  })
  const bounded = working(workload, msMax)
  const nemesis = dice.branch(2)
  const what = `seed ${seed}, ${faults.map(([name]) => name).join(', ')}`
  try {
    for (const [name, fault] of faults) {
      await bounded(workload.progress(BETWEEN), `work before: ${name}`)
      await bounded(fault(server, nemesis), name)
      await bounded(workload.progress(BETWEEN), `work after: ${name}`)
      await bounded(server.ready(), `ready after: ${name}`)
    }
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}\n${server.logTail()}`, { cause: error })
  } finally {
    stop.abort()
    await workload.done.catch(() => {})
  }
  await workload.done
  t.diagnostic(`${what}: ${JSON.stringify(workload.troubles())}`)
  await assertSound(t, workload.recorder, await server.connections(), `seed ${seed}`, { copies })
}
