import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { within } from '../kit/deadline.ts'
import { FAULTS, type FaultName } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { violations } from './history.ts'
import { httpDoor, startPairs } from './workload.ts'

const OPERATIONS = LONG ? 500_000 : 8_000
const SESSIONS = 20
const RUN_MS_MAX = LONG ? 3_600_000 : 200_000
const APP = 'test/system/cache/app.ts'
const KILLS: readonly FaultName[] = [
  'kill the server',
  'kill PostgreSQL',
  'terminate backends',
  'stop PostgreSQL for a while',
  'kill both',
]

/** Reads and writes pairs, breaks something after each equal part of the operations, and judges. */
async function run(t: TestContext, clusters: number): Promise<void> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const dice = new Dice(seed)
  const server = await ServerProcess.start(t, { app: APP, clusters })
  const troubles = new Map<string, number>()
  const workload = startPairs(httpDoor(server.url, troubles), dice.branch(1), {
    sessions: SESSIONS,
    operations: OPERATIONS,
  })
  const nemesis = dice.branch(2)
  const rounds = LONG ? 10 : 1
  const part = Math.floor(OPERATIONS / (KILLS.length * rounds + 1))
  const most = mostReads(server)
  try {
    for (let round = 0; round < rounds; round++)
      for (const fault of KILLS) {
        await within(
          Promise.race([workload.progress(part), workload.done]),
          `work before: ${fault}`,
          RUN_MS_MAX,
        )
        await most.look()
        await within(FAULTS[fault](server, nemesis), fault, RUN_MS_MAX)
        await within(server.ready(), `ready after: ${fault}`, RUN_MS_MAX)
      }
    await within(workload.done, 'the last of the work', RUN_MS_MAX)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${server.logTail()}`, { cause: error })
  }
  await most.look()
  const found = violations(workload.history)
  t.diagnostic(`${workload.answered()} operations, troubles ${JSON.stringify([...troubles])}`)
  t.diagnostic(`most reads between two kills: ${JSON.stringify(most.reads)}`)
  assert.equal(found.length, 0, `seed ${seed}: ${found.length} of\n${found.slice(0, 10).join('\n')}`)
  // It would be easy to be right without ever answering from the cache.
  const { hit = 0, absent = 0, doubt = 0, age = 0, token = 0 } = most.reads
  assert.ok(hit > (absent + doubt + age + token) / 2, JSON.stringify(most.reads))
}

/** What the server that was asked most has counted: a kill begins anew, and after the last there may be nothing left to ask. */
function mostReads(server: ServerProcess) {
  let most: Record<string, number> = {}
  return {
    get reads() {
      return most
    },
    async look(): Promise<void> {
      const reads = await readsByResult(server)
      if ((reads.hit ?? 0) > (most.hit ?? 0)) most = reads
    },
  }
}

async function readsByResult(server: ServerProcess): Promise<Record<string, number>> {
  const { consoleUrl } = await server.ready()
  const text = await (await fetch(`${consoleUrl}/metrics`)).text()
  const counts = [...text.matchAll(/^cache_reads_total\{result="(\w+)"\} (\d+)$/gm)]
  return Object.fromEntries(counts.map(([, result, count]) => [result, Number(count)]))
}

for (const clusters of LONG ? [1, 2] : [2])
  test(`cached reads and writes under kills: nothing too old, on ${clusters} cluster(s)`, (t) =>
    run(t, clusters))
