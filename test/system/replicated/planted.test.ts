import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { within } from '../kit/deadline.ts'
import { violations } from '../kit/judge.ts'
import { noMemory } from '../kit/memory.ts'
import { Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { startWorkload } from '../kit/workload.ts'

/** Times that a replica falls behind, and operations meanwhile. */
const LAGS = LONG ? 5 : 2
const OPERATIONS = 300

/** A session with one of the replicas. */
async function replicaOf(t: TestContext, server: ServerProcess): Promise<pg.Client> {
  const { address } = (await server.ready()).nodes.find(({ role }) => role === 'replica')!
  const [connection] = await server.connections()
  const client = new pg.Client({ ...connection!, host: address })
  client.on('error', () => {}) // it ends with its server
  await client.connect()
  t.after(() => client.end())
  return client
}

/** What has waited to be replayed may be in the way of the very statement that lets it go on. */
async function resumed(replica: pg.Client): Promise<void> {
  const again = await replica.query('select pg_wal_replay_resume()').then(
    () => false,
    (error: Error & { code?: string }) => {
      if (error.code === '40001') return true
      throw error
    },
  )
  if (again) await resumed(replica)
}

test('sessions that keep nothing are shown less than they have seen: the checkers notice', async (t) => {
  const server = await ServerProcess.start(t, { flags: ['--stage', 'replicated'] })
  const stop = new AbortController()
  const workload = startWorkload({
    url: server.url,
    dice: new Dice(1),
    sessions: 12,
    durationMs: 60_000,
    signal: stop.signal,
    memory: noMemory,
    repeats: 0,
  })
  const replica = await replicaOf(t, server)
  for (let lag = 0; lag < LAGS; lag++) {
    await replica.query('select pg_wal_replay_pause()')
    await within(workload.progress(OPERATIONS), 'work while a replica is behind')
    await resumed(replica)
    await within(workload.progress(OPERATIONS), 'work while it is not')
  }
  stop.abort()
  await workload.done
  const found = await violations(workload.recorder.operations, await server.connections(), { copies: true })
  assert.ok(found.some(({ checker }) => checker === 'sessions'))
  // What is wrong is only what sessions see: nothing is lost or doubled.
  assert.deepEqual(
    found.filter(({ checker }) => checker !== 'sessions'),
    [],
  )
})
