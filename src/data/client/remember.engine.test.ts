import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import type { ReadSpan } from '../../core/ports.ts'
import type { TestCluster } from '../failover/fixtures/cluster.ts'
import type { DataClient } from './data-client.ts'
import { replicated, signalMember } from './fixtures/replicated.ts'
import { assertThrownOnce } from './fixtures/thrown-once.ts'
import type { ConnectionOptions } from './types.ts'

async function sql(connection: ConnectionOptions, text: string): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  await client.query(text)
  await client.end()
}

/** Until the client has found out that both replicas may answer. */
async function whole(client: DataClient): Promise<void> {
  while (client.cluster('c0').replicas.length < 2) await client.lookAgain('c0')
}

test('what a write has shown before it failed is not taken back by a replica', async (t) => {
  const all = await replicated(t)
  await whole(all.client)
  const accounts = (db: { query<Row>(sql: string): Promise<Row[]> }) =>
    db.query<{ id: number }>('select id from accounts')
  for (const id of ['c0-pg-2', 'c0-pg-3']) {
    const { connection } = all.members()[0]!.members!.find((one) => one.id === id)!
    await sql(connection, 'select pg_wal_replay_pause()')
    t.after(() => sql(connection, 'select pg_wal_replay_resume()').catch(() => {}))
  }
  const other = await all.another()
  await other.writeHome('open', (tx) => tx.query('insert into accounts values (1, 0)'))
  for (const how of ['throws', 'is refused'] as const) {
    const session = all.session()
    await session.request(async (own) => {
      const write = own.writeHome(`look ${how}`, async (tx) => {
        assert.equal((await accounts(tx)).length, 1)
        if (how === 'throws') throw new Error('it is there already')
        await tx.query('select 1 / 0')
      })
      await assert.rejects(write, how === 'throws' ? /already/ : { code: '22012' })
      assert.equal((await own.readHome(accounts)).length, 1, `in the same request, as it ${how}`)
    })
    await session.request(async (own) => assert.equal((await own.readHome(accounts)).length, 1))
  }
})

test('what the work of a snapshot throws is told at once, wherever it runs', async (t) => {
  const all = await replicated(t)
  await whole(all.client)
  await assertThrownOnce(all.client)
  await all.session().request(assertThrownOnce)
  // Nobody thought worse of the primary for it.
  assert.equal(all.client.cluster('c0').primaryNow?.id, 'c0-pg-1')
})

test('loads that wait at a primary that is silent for a while all end, and it is read from as before', async (t) => {
  const all = await replicated(t)
  const [cluster] = all.clusters as [TestCluster]
  const { client } = all
  await whole(client)
  await cluster.keeper.leave()
  const load = async (): Promise<ReadSpan> => {
    const span: ReadSpan = {}
    await client.readHome((db) => db.query('select count(*) from countries'), { span })
    return span
  }
  for (let at = 0; at < 5; at++) await load()
  signalMember(cluster, 'c0-pg-1', 'SIGSTOP')
  const loads = Array.from({ length: 20 }, load)
  while (client.cluster('c0').primaryNow) await client.lookAgain('c0')
  loads.push(...Array.from({ length: 20 }, load))
  signalMember(cluster, 'c0-pg-1', 'SIGCONT')
  for (const span of await Promise.all(loads)) assert.ok(span.upto !== undefined && !span.torn)
  for (let round = 0; round < 3; round++) await Promise.all(Array.from({ length: 10 }, () => load()))
})

test('a lone server that is in recovery for a while is waited for', async (t) => {
  const all = await replicated(t, { replicas: 1 })
  const { connection } = all.members()[0]!.members!.find(({ id }) => id === 'c0-pg-2')!
  const lone = await all.another()
  lone.setMembers('c0', [{ id: 'c0-pg-2', connection }])
  const accounts = (db: { query<Row>(sql: string): Promise<Row[]> }) => db.query('select id from accounts')
  // What is known to be fast goes through the lane.
  for (let at = 0; at < 5; at++) await lone.readHome(accounts)
  const session = () => all.session(lone)
  const span: ReadSpan = {}
  const answers = Promise.all([
    session().request((own) => own.readHome(accounts)),
    session().request((own) => own.readHome(accounts, { span })),
    session().request((own) => own.readHome((db) => db.query('select id from accounts limit 7'))),
    session().request((own) => own.readHome(accounts, { snapshot: true })),
  ])
  let over = false
  const watched = answers.finally(() => {
    over = true
  })
  for (let at = 0; at < 50; at++) await all.client.readHome(accounts)
  assert.equal(over, false, 'nobody is told a place in a log that is not its own')
  await all.clusters[0]!.keeper.leave()
  await sql(connection, 'select pg_promote()')
  assert.deepEqual(await watched, [[], [], [], []])
  assert.equal(span.timeline, 2)
})
