import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { Connection } from '../connection/connection.ts'
import { Statements } from '../connection/statements.ts'
import { type Committed, converse } from './conversation.ts'
import { fixture, newRequestId } from './fixtures/fixture.ts'
import { COMMON } from './settings.ts'
import { upkeepSessions } from './upkeep-session.ts'

/** What is in time has to be on a busy machine, too. */
const LIMIT_MS = 1_000
const KEY = '7'

/** A session as the data client has it on a server without `transaction_timeout`. */
async function older(t: TestContext) {
  const { client, connections } = await fixture(t)
  const [address] = connections
  const connection = await Connection.open(address!, COMMON)
  t.after(() => connection.close())
  const statements = new Statements()
  const run = async (sql: string) => {
    const batch = await connection.run([{ statement: statements.get(sql), params: [] }])
    assert.equal(batch.failure, undefined)
    return batch.results[0]!
  }
  const target = client.target('user', KEY)
  const write = async (seconds: number): Promise<Committed> => {
    const marker = { id: newRequestId(), name: 'late', key: target.key }
    const { placement } = target
    const epoch = client.directory.bucketEpoch[placement.bucket]!
    const how = { isolation: undefined, keyed: undefined, jobId: undefined }
    const talk = converse(connection, statements, { marker, placement, epoch, timeoutMs: LIMIT_MS, ...how })
    assert.deepEqual(await talk.begin(), { first: true, failure: undefined })
    await run(`insert into users (id, name) values (${KEY}, 'x') on conflict (id) do update set name = 'y'`)
    await run(`select pg_sleep(${seconds})`)
    return talk.commit('1', [])
  }
  const names = () =>
    client.readAt(target.placement, (db) =>
      db.query<{ name: string }>('select name from users where id = $1', [KEY]),
    )
  return { connection, address: address!, write, names }
}

test('without transaction_timeout nothing commits that is older than its deadline', async (t) => {
  const { connection, write, names } = await older(t)
  assert.equal(connection.limitsTransactions, false)
  const inTime = await write(0)
  assert.equal(inTime.committed, true)
  assert.ok(inTime.position, 'the look at the age shifts no other answer')
  const late = await write((2 * LIMIT_MS) / 1000)
  assert.equal(late.committed, false)
  assert.equal((late.failure as { code?: string } | undefined)?.code, '57P01')
  assert.deepEqual(await names(), [{ name: 'x' }])
})

test('upkeep of several statements gives back its own rows, with and without an explicit transaction', async (t) => {
  const { address } = await older(t)
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
