import assert from 'node:assert/strict'
import { test } from 'node:test'
import type pg from 'pg'
import { checkSessions } from '../kit/checkers/sessions.ts'
import { KitClient } from '../kit/client.ts'
import { type Call, Recorder, type Violation } from '../kit/history.ts'
import { violations } from '../kit/judge.ts'
import { CookieMemory, type Memory, noMemory, OverwrittenCookie } from '../kit/memory.ts'
import { Dice } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { replicaOf, resumed } from './replay.ts'

/** Times that all tabs write, and then read, while replicas are behind: after a second they answer nobody. */
const ROUNDS = 5
/** Times that replicas fall behind: of a right memory, and at most of a wrong one. */
const [LAGS, LAGS_MAX] = [5, 100]
const COUNTERS = ['31', '32', '33', '34']

/** One history of all that sessions do here, each with a memory of its own. */
class Sessions {
  readonly recorder = new Recorder()
  readonly #url: string
  readonly #replicas: readonly pg.Client[]
  readonly #dice = new Dice(1)
  #count = 0

  constructor(url: string, replicas: readonly pg.Client[]) {
    this.#url = url
    this.#replicas = replicas
  }

  /** What sessions are shown while replicas are behind, one after the other until something is wrong. */
  async behind(memory: () => Memory, lags: number): Promise<Violation[]> {
    for (let lag = 0; lag < lags; lag++) {
      await Promise.all(this.#replicas.map((replica) => replica.query('select pg_wal_replay_pause()')))
      const found = await this.#inTabs(memory())
      await Promise.all(this.#replicas.map(resumed))
      if (found.length > 0) return found
    }
    return []
  }

  /** Each in a tab of its own, all at once: what an answer knows of another cluster is what its request came with. */
  async #inTabs(memory: Memory): Promise<Violation[]> {
    const name = `s${this.#count++}`
    const { recorder } = this
    const client = new KitClient({
      url: this.#url,
      session: name,
      recorder,
      dice: this.#dice,
      memory,
      repeats: 0,
    })
    const all = (calls: readonly Call[]): Promise<unknown> =>
      Promise.all(calls.map((call) => client.do(call)))
    for (let round = 0; round < ROUNDS; round++) {
      await all(COUNTERS.map((key) => ({ type: 'increment', keys: [key], by: 1 })))
      await all(COUNTERS.map((key) => ({ type: 'count', key })))
    }
    return checkSessions(recorder.operations.filter(({ session }) => session === name))
  }
}

test('sessions that lose what they have seen are shown less: the checkers notice', async (t) => {
  const server = await ServerProcess.start(t, { clusters: 2, flags: ['--stage', 'replicated'] })
  const sessions = new Sessions(server.url, [await replicaOf(t, server, 0), await replicaOf(t, server, 1)])
  assert.deepEqual(await sessions.behind(() => new CookieMemory(), LAGS), [])
  await t.test('who keeps nothing', async () => {
    assert.notDeepEqual(await sessions.behind(noMemory, LAGS_MAX), [])
  })
  await t.test('whose cookies overwrite each other', async () => {
    assert.notDeepEqual(await sessions.behind(() => new OverwrittenCookie(), LAGS_MAX), [])
  })
  // What is wrong is only what sessions see: nothing is lost or doubled.
  const { operations } = sessions.recorder
  const found = await violations(operations, await server.connections(), { copies: true })
  assert.deepEqual(
    found.filter(({ checker }) => checker !== 'sessions'),
    [],
  )
})
