import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { violations } from '../cache/history.ts'
import { httpDoor, pairsUntilEnd } from '../cache/workload.ts'
import { within } from '../kit/deadline.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { FAULTS, type FaultName } from './nemesis.ts'

const SESSIONS = 12
/** Operations between two faults. */
const PART = LONG ? 600 : 400
const RUN_MS_MAX = 120_000
const ROUNDS = LONG ? 5 : 1
const SLOW = [
  'kill all replicas',
  'stop the relay for a while',
  'stop a replica for a while',
  'stop the primary for good',
  'restart the primary',
] as const
const BREAKS: readonly FaultName[] = [
  'kill the primary',
  'kill the relay',
  'kill supervisor and primary',
  ...(LONG ? SLOW : []),
]

/** Cached reads, and writes that invalidate them, of sessions with and without a token, while the data tier fails over. */
async function run(t: TestContext, clusters: number): Promise<void> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const dice = new Dice(seed)
  const server = await ServerProcess.start(t, {
    app: 'test/system/cache/app.ts',
    clusters,
    flags: ['--stage', 'replicated'],
  })
  const troubles = new Map<string, number>()
  const workload = pairsUntilEnd(t, httpDoor(server.url, troubles), dice.branch(1), SESSIONS)
  const nemesis = dice.branch(2)
  const work = (what: string): Promise<void> =>
    within(Promise.race([workload.progress(PART), workload.done]), what, RUN_MS_MAX)
  try {
    for (let round = 0; round < ROUNDS; round++)
      for (const name of BREAKS) {
        await work(`work before: ${name}`)
        await within(FAULTS[name](server, nemesis), name, RUN_MS_MAX)
        await work(`work after: ${name}`)
        await within(server.ready(), `ready after: ${name}`, RUN_MS_MAX)
      }
    workload.end()
    await within(workload.done, 'the last of the work', RUN_MS_MAX)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${server.logTail()}`, { cause: error })
  }
  const found = violations(workload.history)
  t.diagnostic(`${workload.answered()} operations, troubles ${JSON.stringify([...troubles])}`)
  assert.equal(found.length, 0, `seed ${seed}: ${found.length} of\n${found.slice(0, 10).join('\n')}`)
  // Nobody notices: no connection to the web node is lost by any of this.
  assert.deepEqual([...troubles], [])
  const { consoleUrl } = await server.ready()
  const text = await (await fetch(`${consoleUrl}/metrics`)).text()
  const hits = Number(/^cache_reads_total\{result="hit"\} (\d+)$/m.exec(text)?.[1] ?? 0)
  // It would be easy to be right without ever answering from the cache.
  t.diagnostic(`${hits} hits`)
  assert.ok(hits > PART, `${hits} hits`)
}

for (const clusters of LONG ? [1, 2] : [1])
  test(`cached reads and writes while the data tier fails over: nothing too old, nothing fails, on ${clusters} cluster(s)`, (t) =>
    run(t, clusters))
