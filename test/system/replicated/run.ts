import type { TestContext } from 'node:test'
import { within } from '../kit/deadline.ts'
import { assertSound } from '../kit/judge.ts'
import { CookieMemory, HeaderMemory, type Memory } from '../kit/memory.ts'
import { Dice } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { startWorkload } from '../kit/workload.ts'
import { FAULTS, type FaultName } from './nemesis.ts'

/** Operations that must be answered between two faults: each fault meets a system at work. */
const BETWEEN = 40
const SESSIONS = 6
const RUN_MS_MAX = 120_000

/** As browsers with two tabs, and as programs. */
const ofClient = (session: number): Memory => (session % 3 === 2 ? new HeaderMemory() : new CookieMemory())

export interface Schedule {
  readonly seed: number
  readonly clusters: number
  readonly faults: readonly FaultName[]
  readonly flags?: readonly string[]
  /** What sessions keep. @defaultValue cookies, or the header */
  readonly memory?: (session: number) => Memory
}

/**
 * Runs a workload on a replicated system of its own, does the faults one after another with work in between, and judges
 * the history. Sessions keep cookies, in two tabs at once, or the header.
 */
export async function runSchedule(t: TestContext, schedule: Schedule): Promise<void> {
  const { seed, clusters, faults, flags = [], memory = ofClient } = schedule
  const dice = new Dice(seed)
  const server = await ServerProcess.start(t, { clusters, flags: ['--stage', 'replicated', ...flags] })
  const stop = new AbortController()
  const workload = startWorkload({
    url: server.url,
    dice: dice.branch(1),
    sessions: SESSIONS,
    durationMs: RUN_MS_MAX,
    signal: stop.signal,
    memory,
    tabs: 2,
  })
  // A session that fails ends the run at once.
  const working = <Value>(step: Promise<Value>, what: string): Promise<Value> =>
    within(Promise.race([step, workload.done.then(() => step)]), what, RUN_MS_MAX)
  const nemesis = dice.branch(2)
  try {
    for (const fault of faults) {
      await working(workload.progress(BETWEEN), `work before: ${fault}`)
      await working(FAULTS[fault](server, nemesis), fault)
      await working(workload.progress(BETWEEN), `work after: ${fault}`)
      await working(server.ready(), `ready after: ${fault}`)
    }
  } catch (error) {
    throw new Error(`seed ${seed}, ${faults.join(', ')}: ${(error as Error).message}\n${server.logTail()}`, {
      cause: error,
    })
  } finally {
    stop.abort()
    await workload.done.catch(() => {})
  }
  await workload.done
  t.diagnostic(`${faults.join(', ')}: ${JSON.stringify(workload.troubles())}`)
  await assertSound(t, workload.recorder, await server.connections(), `seed ${seed}`, { copies: true })
}
