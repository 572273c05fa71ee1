import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { Connection } from '../connection/connection.ts'
import { Statements } from '../connection/statements.ts'
import { type Committed, converse } from './conversation.ts'
import { fixture, newRequestId } from './fixtures/fixture.ts'
import { COMMON, DEADLINE_MS } from './settings.ts'
import { upkeepSessions } from './upkeep-session.ts'

/** What is in time has to be on a busy machine, too. */
const LIMIT_MS = 1_000
const KEY = '7'

/** A session as the data client has it, but for its limit; and without one as on a server without `transaction_timeout`. */
async function sessionOf(t: TestContext, limit: { transaction_timeout?: string } = {}) {
  const { client, connections } = await fixture(t)
  const [address] = connections
  const connection = await Connection.open(address!, { ...COMMON, ...limit })
  t.after(() => connection.close())
  const statements = new Statements()
  const run = async (sql: string): Promise<void> => {
    const { failure } = await connection.run([{ statement: statements.get(sql), params: [] }])
    if (failure) throw failure
  }
  const target = client.target('user', KEY)
  const write = async (ms: number, timeoutMs = LIMIT_MS): Promise<Committed> => {
    const marker = { id: newRequestId(), name: 'late', key: target.key }
    const { placement } = target
    const epoch = client.directory.bucketEpoch[placement.bucket]!
    const how = { isolation: undefined, keyed: undefined, jobId: undefined }
    const talk = converse(connection, statements, { marker, placement, epoch, timeoutMs, ...how })
    assert.deepEqual(await talk.begin(), { first: true, failure: undefined })
    await run(`insert into users (id, name) values (${KEY}, 'x') on conflict (id) do update set name = 'y'`)
    await run(`select pg_sleep(${ms / 1000})`)
    return talk.commit('1', [])
  }
  const names = () =>
    client.readAt(target.placement, (db) =>
      db.query<{ name: string }>('select name from users where id = $1', [KEY]),
    )
  return { connection, address: address!, write, names }
}

test('without transaction_timeout nothing commits that is older than its deadline', async (t) => {
  const { connection, write, names } = await sessionOf(t)
  assert.equal(connection.limitsTransactions, false)
  const inTime = await write(0)
  assert.equal(inTime.committed, true)
  assert.ok(inTime.position, 'the look at the age shifts no other answer')
  const late = await write(2 * LIMIT_MS)
  assert.equal(late.committed, false)
  assert.equal((late.failure as { code?: string } | undefined)?.code, '57P01')
  assert.deepEqual(await names(), [{ name: 'x' }])
})

test('a deadline longer than the limit of the session is the server’s, too; one that is not changes nothing', async (t) => {
  const { write } = await sessionOf(t, { transaction_timeout: String(LIMIT_MS / 2) })
  // Twice: what one has been given is not the next one's.
  for (const _ of [1, 2]) assert.equal((await write(LIMIT_MS, 2 * DEADLINE_MS)).committed, true)
  await assert.rejects(write(LIMIT_MS, DEADLINE_MS), { code: '25P04' })
})

test('upkeep of several statements gives back its own rows, with and without an explicit transaction', async (t) => {
  const { address } = await sessionOf(t)
  const sessions = upkeepSessions([{ name: 'c0', connection: address }], (ms, run) =>
    systemClock.timer(ms, run),
  )
  const session = sessions.open('c0', 'test')
  t.after(() => session.close())
  const one = { sql: 'select 1 as n' }
  const two = { sql: 'select 2 as n' }
  assert.deepEqual(await session.run([one, two]), [[{ n: 1 }], [{ n: 2 }]])
  assert.deepEqual(await session.run([{ sql: 'begin' }, one, { sql: 'commit' }, two]), [
    [],
    [{ n: 1 }],
    [],
    [{ n: 2 }],
  ])
})
