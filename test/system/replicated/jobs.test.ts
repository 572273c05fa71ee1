import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { assertOnce, settled } from '../jobs/system.ts'
import { within } from '../kit/deadline.ts'
import type { Fault } from '../kit/nemesis.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { JobClients } from './job-clients.ts'
import { FAULTS } from './nemesis.ts'
import { replicaOf, resumed } from './replay.ts'

/** Requests that are answered, each with three jobs, between two faults. */
const PART = LONG ? 150 : 30
/** Times that a replica falls behind: after a second it answers nobody. */
const LAGS = 5
const RUN_MS_MAX = 120_000
/** Milliseconds between two looks at what is left to do. */
const PACE_MS = 200
const ROUNDS = LONG ? 3 : 1
/** Jobs are lost with their process while nobody can take them over yet. */
const killPrimaryAndWorker: Fault = async (server, dice) => {
  await Promise.all([FAULTS['kill a worker'](server, dice), FAULTS['kill the primary'](server, dice)])
}
const pick = (...names: (keyof typeof FAULTS)[]): [string, Fault][] =>
  names.map((name) => [name, FAULTS[name]])
const BREAKS: readonly [string, Fault][] = [
  ...pick('kill the primary', 'stop a worker for a while'),
  ['kill primary and worker', killPrimaryAndWorker],
  ...(LONG
    ? pick(
        'kill all replicas',
        'stop the primary for good',
        'restart the primary',
        'kill the relay',
        'kill supervisor and primary',
        'kill one primary after the other',
      )
    : []),
]

/** What workers have written of their jobs. */
function wordsOf(data: string, message: string): string[] {
  const logs = join(data, 'logs')
  return readdirSync(logs)
    .flatMap((name) => readFileSync(join(logs, name), 'utf8').split('\n'))
    .filter((line) => line.includes(message))
}

/** Requests that enqueue, workers that claim, write on several shards, enqueue and complete, while the data tier fails over. */
async function run(t: TestContext, clusters: number): Promise<void> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const dice = new Dice(seed)
  const server = await ServerProcess.start(t, {
    app: 'test/system/jobs/fixtures/app/app.ts',
    clusters,
    flags: ['--stage', 'replicated', '--workers', '2'],
  })
  const system = { get: (path: string) => fetch(server.url + path) }
  const clients = new JobClients(t, server.url, dice.branch(1))
  const nemesis = dice.branch(2)
  try {
    // Runs read on a copy that does not have yet what enqueued them (FAULTS case 18).
    const behind = await replicaOf(t, server)
    for (let lag = 0; lag < LAGS; lag++) {
      await behind.query('select pg_wal_replay_pause()')
      await within(clients.progress(PART), 'work while a replica is behind', RUN_MS_MAX)
      await resumed(behind)
    }
    for (let round = 0; round < ROUNDS; round++)
      for (const [name, fault] of BREAKS) {
        await within(clients.progress(PART), `work before: ${name}`, RUN_MS_MAX)
        await within(fault(server, nemesis), name, RUN_MS_MAX)
        await within(clients.progress(PART), `work after: ${name}`, RUN_MS_MAX)
        await within(server.ready(), `ready after: ${name}`, RUN_MS_MAX)
      }
    clients.end()
    await within(clients.done, 'the last of the work', RUN_MS_MAX)
    // What a lost worker held waits for the end of its lease.
    const all = await settled(server, system, RUN_MS_MAX, PACE_MS)
    for (let owner = 1; owner <= clients.asked; owner++) assertOnce(all, String(owner))
  } catch (error) {
    throw new Error(`seed ${seed}: ${(error as Error).message}\n${server.logTail()}`, { cause: error })
  }
  t.diagnostic(`${clients.answered} requests, troubles ${JSON.stringify([...clients.troubles])}`)
  // Requests notice nothing, and a run waits as they do: none of them failed.
  assert.deepEqual([...clients.troubles], [])
  assert.deepEqual(wordsOf(server.data, 'a job failed and runs again'), [])
  assert.deepEqual(wordsOf(server.data, 'put aside as dead'), [])
}

for (const clusters of LONG ? [1, 2] : [1])
  test(`jobs while the data tier fails over and workers are lost: each effect once, no run fails, on ${clusters} cluster(s)`, (t) =>
    run(t, clusters))
