import type { TestContext } from 'node:test'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { assertSound } from './judge.ts'
import type { Memory } from './memory.ts'
import { Dice } from './seed.ts'
import { BETWEEN, working } from './working.ts'
import { startWorkload } from './workload.ts'

const SESSIONS = 6

/** What can be judged while something breaks. */
interface System {
  readonly url: string
  /** Resolves when it is as before. */
  ready(): Promise<unknown>
  /** Of every cluster's primary. */
  connections(): Promise<ConnectionOptions[]>
  logTail(): string
}

export interface UnderFaults<S> {
  readonly seed: number
  /** By name, in order. */
  readonly faults: readonly (readonly [string, (system: S, dice: Dice) => Promise<void>])[]
  /** Bounds a run whose sessions are never answered, in milliseconds. */
  readonly msMax: number
  readonly memory?: (session: number) => Memory
  readonly tabs?: number
  /** Replicas answer reads. @defaultValue false */
  readonly copies?: boolean
}

/**
 * Runs the workload, does the faults one after the other with work in between, and judges the history.
 * @returns answers other than success, by their reason
 */
export async function runUnderFaults<S extends System>(
  t: TestContext,
  server: S,
  { seed, faults, msMax, memory, tabs, copies = false }: UnderFaults<S>,
): Promise<Record<string, number>> {
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
  return workload.troubles()
}
