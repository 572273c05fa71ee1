import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../core/clock.ts'
import { createContextStorage } from '../../core/context.ts'
import { systemRandom } from '../../core/random.ts'
import { SessionsBusy } from '../connection/failure.ts'
import { CopyLost } from '../connection/lane.ts'
import { Pool } from '../connection/pool.ts'
import { signalMember } from './fixtures/replicated.ts'
import { connectionOf, settled, sql, unkept } from './fixtures/unkept.ts'
import { systemStore } from './system-store.ts'

/** What stops a call in an outage: its own time, and nobody else's. */
const WAIT_MS = 10_000

type Scene = Awaited<ReturnType<typeof unkept>>

async function slowWork({ client }: Scene): Promise<void> {
  const forever = new Promise(() => {})
  const writing = client.writeHome('slow', () => forever, { deadlineMs: 500 })
  await assert.rejects(writing, { code: 'TENFOLD_DEADLINE_EXCEEDED' })
  const asleep = async (tx: { query(sql: string): Promise<unknown> }): Promise<void> => {
    await tx.query('select 1')
    await tx.query('select pg_sleep(60)')
  }
  const sleeping = client.writeHome('asleep', asleep, { deadlineMs: 500 })
  await assert.rejects(sleeping, { code: 'TENFOLD_DEADLINE_EXCEEDED' })
}

async function refusedSessions(all: Scene): Promise<void> {
  const primary = connectionOf(all, 'c0-pg-1')
  await sql(
    primary,
    `create role plain login password 'plain'`,
    'grant pg_monitor to plain',
    'grant usage on schema tenfold to plain',
    'grant all on all tables in schema tenfold to plain',
    'grant all on all sequences in schema tenfold to plain',
  )
  const [{ members = [], ...rest }] = all.members() as [ReturnType<typeof all.members>[number]]
  const login = { user: 'plain', password: 'plain' }
  const asPlain = members.map(({ id, connection }) => ({ id, connection: { ...connection, ...login } }))
  const client = await all.another({ clusters: [{ ...rest, members: asPlain }] })
  await settled(client, 'c0-pg-1', ['c0-pg-2', 'c0-pg-3'])
  const session = all.session(client)
  const read = () =>
    session.request(() => client.readHome((db) => db.query('select 1 as one'), { primary: true }))
  // Known to be fast from then on.
  for (let turn = 0; turn < 40; turn++) await read()
  // Those that look after it stay: it is no other server, and says so.
  await sql(
    primary,
    'alter role plain connection limit 0',
    `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'plain' and query not like '%standby, writable%'`,
  )
  let isOver = false
  const reading = read().finally(() => {
    isOver = true
  })
  reading.catch(() => {})
  const refusedSince = systemClock.monotonic()
  while (!isOver && systemClock.monotonic() - refusedSince < WAIT_MS / 6) {
    const another = new pg.Client({ ...primary, ...login })
    another.on('error', () => {})
    await assert.rejects(another.connect(), { code: '53300' })
  }
  assert.ok(!isOver)
  await sql(primary, 'alter role plain connection limit -1')
  assert.deepEqual(await reading, [{ one: 1 }])
}

/** As when a session's server is connected to at once, and then takes long to prove that a standby has what it shows. */
async function slowOpening(t: TestContext, { client, session }: Scene): Promise<void> {
  const read = () =>
    session().request(() => client.readHome((db) => db.query('select 1 as one'), { primary: true }))
  for (let turn = 0; turn < 40; turn++) await read()
  const { lane, position } = client.cluster('c0').primaryNow!
  const { acquire } = Pool.prototype
  let ofLane: Pool | undefined
  let waits = 0
  const mocked = t.mock.method(Pool.prototype, 'acquire', function (this: Pool, waitMs: number) {
    ofLane ??= this
    if (this !== ofLane || waits === 3) return acquire.call(this, waitMs)
    waits++
    return Promise.reject(new SessionsBusy('No session could be opened for 5000 ms'))
  })
  // It asks for a session in the turn in which it is asked.
  await assert.rejects(lane.query(position(), [], WAIT_MS), CopyLost)
  assert.deepEqual(await read(), [{ one: 1 }])
  assert.equal(waits, 3)
  mocked.mock.restore()
}

/** It stays silent. */
async function silentPrimary({ client, cluster, session }: Scene): Promise<void> {
  const deadlineMs = WAIT_MS / 5
  const read = () =>
    session().request(() => client.readHome((db) => db.query('select 1'), { primary: true, deadlineMs }))
  // Known to be fast from then on: it is sent with others.
  for (let turn = 0; turn < 40; turn++) await read()
  let reading: Promise<unknown> = Promise.resolve()
  const writing = client.writeHome(
    'silent',
    async (tx) => {
      await tx.query('select 1')
      signalMember(cluster, 'c0-pg-1', 'SIGSTOP')
      reading = read()
      reading.catch(() => {})
      await tx.query('select 2')
    },
    { deadlineMs },
  )
  const outage = { code: 'TENFOLD_DATA_UNAVAILABLE', outcome: 'not applied' }
  await assert.rejects(writing, outage)
  await assert.rejects(reading, outage)
}

/** Of a primary that is silent; it answers again in the end. */
async function lateRecords({ client, cluster }: Scene): Promise<void> {
  const store = systemStore(client, systemRandom(), createContextStorage())
  const put = (key: string) =>
    store.apply<{ key: string }>(store.hash(key), { sql: `select '${key}' as key` })
  while (client.cluster('c0').primaryNow !== undefined) await client.lookAgain('c0')
  const startedAt = systemClock.monotonic()
  // One after the other, so that more than one transaction is begun while the first waits: they share its time.
  const early: Promise<unknown>[] = []
  for (const key of ['1', '2', '3', '4']) {
    early.push(put(key).catch((error: { code: string }) => error.code))
    await client.lookAgain('c0')
  }
  while (systemClock.monotonic() - startedAt < WAIT_MS * 0.6) await client.lookAgain('c0')
  const late = put('late')
  const ended = await Promise.all(early)
  assert.deepEqual(new Set(ended), new Set(['TENFOLD_DATA_UNAVAILABLE']))
  assert.ok(systemClock.monotonic() - startedAt >= WAIT_MS)
  signalMember(cluster, 'c0-pg-1', 'SIGCONT')
  assert.deepEqual(await late, [[{ key: 'late' }]])
}

test('calls in an outage, and calls that are slow', async (t) => {
  const all = await unkept(t)
  await t.test('a write whose own work takes too long is told so, also where there are replicas', () =>
    slowWork(all),
  )
  await t.test('a read that only the primary may answer waits while that refuses new sessions', () =>
    refusedSessions(all),
  )
  await t.test('a read that only the primary may answer waits for its session for all of its time', () =>
    slowOpening(t, all),
  )
  await t.test('what a silent primary has not answered in time is an outage, and no slow call', () =>
    silentPrimary(all),
  )
  await t.test('records of the platform that come late in an outage have all of their time', () =>
    lateRecords(all),
  )
})
