import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkSessions } from '../kit/checkers/sessions.ts'
import { KitClient } from '../kit/client.ts'
import { within } from '../kit/deadline.ts'
import { type Call, Recorder, type Violation } from '../kit/history.ts'
import { violations } from '../kit/judge.ts'
import { CookieMemory, type Memory, noMemory, OverwrittenCookie } from '../kit/memory.ts'
import { Dice, LONG } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { startWorkload } from '../kit/workload.ts'
import { replicaOf, resumed } from './replay.ts'

/** Times that a replica falls behind, and operations meanwhile. */
const LAGS = LONG ? 5 : 2
const OPERATIONS = 300
/** Times that all tabs write, and then read. */
const ROUNDS = 20
const COUNTERS = ['31', '32', '33', '34']

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

/** Each in a tab of its own, all at once: what an answer knows of another cluster is what its request came with. */
async function inTabs(server: ServerProcess, memory: Memory): Promise<Violation[]> {
  const recorder = new Recorder()
  const client = new KitClient({
    url: server.url,
    session: 's',
    recorder,
    dice: new Dice(1),
    memory,
    repeats: 0,
  })
  const all = (calls: readonly Call[]): Promise<unknown> => Promise.all(calls.map((call) => client.do(call)))
  for (let round = 0; round < ROUNDS; round++) {
    await all(COUNTERS.map((key) => ({ type: 'increment', keys: [key], by: 1 })))
    await all(COUNTERS.map((key) => ({ type: 'count', key })))
  }
  return checkSessions(recorder.operations)
}

test('cookies that overwrite each other lose what another tab has seen: the checkers notice', async (t) => {
  const server = await ServerProcess.start(t, { clusters: 2, flags: ['--stage', 'replicated'] })
  const replicas = [await replicaOf(t, server, 0), await replicaOf(t, server, 1)]
  for (const replica of replicas) await replica.query('select pg_wal_replay_pause()')
  assert.deepEqual(await inTabs(server, new CookieMemory()), [])
  assert.notDeepEqual(await inTabs(server, new OverwrittenCookie()), [])
})
