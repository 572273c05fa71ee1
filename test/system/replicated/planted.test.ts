import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { checkSessions } from '../kit/checkers/sessions.ts'
import { KitClient } from '../kit/client.ts'
import { type Call, Recorder, type Violation } from '../kit/history.ts'
import { CookieMemory, type Memory, noMemory, OverwrittenCookie } from '../kit/memory.ts'
import { Dice } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { replicaOf, resumed } from './replay.ts'

/** Times that all tabs write, and then read, while replicas are behind: after a second they answer nobody. */
const ROUNDS = 5
/** Times that replicas fall behind: of a right memory, and at most of a wrong one. */
const [LAGS, LAGS_MAX] = [5, 100]
const COUNTERS = ['31', '32', '33', '34']

/** Each in a tab of its own, all at once: what an answer knows of another cluster is what its request came with. */
async function inTabs(url: string, memory: Memory, dice: Dice): Promise<Violation[]> {
  const recorder = new Recorder()
  const client = new KitClient({ url, session: 's', recorder, dice, memory, repeats: 0 })
  const all = (calls: readonly Call[]): Promise<unknown> => Promise.all(calls.map((call) => client.do(call)))
  for (let round = 0; round < ROUNDS; round++) {
    await all(COUNTERS.map((key) => ({ type: 'increment', keys: [key], by: 1 })))
    await all(COUNTERS.map((key) => ({ type: 'count', key })))
  }
  return checkSessions(recorder.operations)
}

/** What a session is shown while replicas are behind, again and again until something is wrong. */
async function behind(
  url: string,
  replicas: readonly pg.Client[],
  memory: () => Memory,
  lags: number,
  dice: Dice,
): Promise<Violation[]> {
  for (let lag = 0; lag < lags; lag++) {
    await Promise.all(replicas.map((replica) => replica.query('select pg_wal_replay_pause()')))
    const found = await inTabs(url, memory(), dice)
    await Promise.all(replicas.map(resumed))
    if (found.length > 0) return found
  }
  return []
}

test('sessions that lose what they have seen are shown less: the checkers notice', async (t) => {
  const server = await ServerProcess.start(t, { clusters: 2, flags: ['--stage', 'replicated'] })
  const { url } = server
  const dice = new Dice(1)
  const replicas = [await replicaOf(t, server, 0), await replicaOf(t, server, 1)]
  assert.deepEqual(await behind(url, replicas, () => new CookieMemory(), LAGS, dice), [])
  await t.test('who keeps nothing', async () => {
    assert.notDeepEqual(await behind(url, replicas, noMemory, LAGS_MAX, dice), [])
  })
  await t.test('whose cookies overwrite each other', async () => {
    assert.notDeepEqual(await behind(url, replicas, () => new OverwrittenCookie(), LAGS_MAX, dice), [])
  })
})
