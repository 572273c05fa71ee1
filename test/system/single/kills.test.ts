import { describe, type TestContext, test } from 'node:test'
import { within } from '../kit/deadline.ts'
import { assertSound } from '../kit/judge.ts'
import { FAULTS, type FaultName } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { startWorkload } from '../kit/workload.ts'

/** Operations that must be answered between two faults: each fault meets a system at work. */
const BETWEEN = 40
const SESSIONS = 6
/** Bounds a run whose sessions are never answered. */
const RUN_MS_MAX = LONG ? 1_200_000 : 90_000

/** Runs the workload, does the faults one after the other with work in between, and judges the history. */
async function run(t: TestContext, clusters: number, rounds: number): Promise<void> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const dice = new Dice(seed)
  const server = await ServerProcess.start(t, { clusters })
  const stop = new AbortController()
  const workload = startWorkload({
    url: server.url,
    dice: dice.branch(1),
    sessions: SESSIONS,
    durationMs: RUN_MS_MAX,
    signal: stop.signal,
  })
  // A session that fails ends the run at once.
  const working = <Value>(step: Promise<Value>, what: string): Promise<Value> =>
    within(Promise.race([step, workload.done.then(() => step)]), what, RUN_MS_MAX)
  const nemesis = dice.branch(2)
  try {
    for (const fault of schedule(dice.branch(3), rounds)) {
      await working(workload.progress(BETWEEN), `work before: ${fault}`)
      await working(FAULTS[fault](server, nemesis), fault)
      await working(workload.progress(BETWEEN), `work after: ${fault}`)
      await working(server.ready(), `ready after: ${fault}`)
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${server.logTail()}`, { cause: error })
  } finally {
    stop.abort()
    await workload.done.catch(() => {})
  }
  await workload.done
  t.diagnostic(JSON.stringify(workload.troubles()))
  await assertSound(t, workload.recorder, await server.connections(), `seed ${seed}`)
}

const ALL = Object.keys(FAULTS) as FaultName[]

/** Every fault once a round, in an order that the dice choose. */
function schedule(dice: Dice, rounds: number): FaultName[] {
  return Array.from({ length: rounds }, () => ALL.map((name) => ({ name, at: dice.below(1e9) })))
    .flatMap((round) => round.toSorted((a, b) => a.at - b.at))
    .map(({ name }) => name)
}

describe('FAULTS cases 1, 6, 11, 40: nothing acknowledged is lost, doubled or stale', {
  concurrency: true,
}, () => {
  for (const clusters of [1, 2]) {
    test(`server and PostgreSQL are killed, stopped and cut off under load, ${clusters} cluster(s)`, async (t) => {
      await run(t, clusters, LONG ? 25 : 1)
    })
  }
})
