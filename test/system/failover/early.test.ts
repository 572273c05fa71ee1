import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { FALLBACKS_MAX } from '../../../src/data/client/copies.ts'
import type { DataClient } from '../../../src/data/client/data-client.ts'
import { replicated, signalMember, TestSession } from '../../../src/data/client/fixtures/replicated.ts'
import type { TestCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { until } from '../kit/deadline.ts'
import { delayedLinks } from './links.ts'

const NODES = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3']
const ACCOUNTS = 'select id from accounts'
/** Only the primary can answer it. */
const LOCKED = 'select id, pg_current_wal_flush_lsn() from accounts'

interface Db {
  query<Row>(sql: string): Promise<Row[]>
}
const count = (sql: string) => async (db: Db) => (await db.query(sql)).length

/** How a session may be answered by the primary. */
const WAYS: Readonly<Record<string, (client: DataClient) => Promise<number>>> = {
  'a read that no replica can answer': (client) => client.readHome(count(LOCKED)),
  'a snapshot that no replica can answer': (client) => client.readHome(count(LOCKED), { snapshot: true }),
  'the work of a write': (client) => client.writeHome('looks', count(ACCOUNTS)) as Promise<number>,
  'a value for the cache': async (client) => {
    await client.settle('c0', 10_000)
    return client.readHome(count(ACCOUNTS), { span: {} })
  },
}

test('what a replica has shown before its primary does is not taken back by the primary', async (t) => {
  const all = await early(t)
  const { client } = all
  for (const [name, way] of Object.entries(WAYS)) {
    await t.test(name, async () => {
      const { session, accounts, acknowledged, release } = await all.shownEarly()
      let answered = false
      const answer = session.request(way).finally(() => {
        answered = true
      })
      // Somebody who has not seen it is answered meanwhile, many times.
      for (let at = 0; at < 20; at++) assert.equal(await all.stranger(), accounts - 1)
      assert.deepEqual([acknowledged(), answered], [false, false])
      await release()
      assert.equal(await answer, accounts)
      // It is known now: nobody has to ask for it again.
      const before = client.cluster('c0').metrics.settles.value
      assert.equal(await session.request(way), accounts)
      assert.equal(client.cluster('c0').metrics.settles.value, before)
    })
  }
})

test('who waits for the primary to show it takes no place from others, and thinks no worse of it', async (t) => {
  const all = await early(t)
  const { session, accounts, release } = await all.shownEarly()
  const cluster = all.client.cluster('c0')
  const impatient = (client: DataClient) => client.readHome(count(LOCKED), { deadlineMs: 200 })
  const copies = Array.from({ length: 3 * FALLBACKS_MAX }, () => all.session(all.client, session.token))
  const late = Promise.allSettled(copies.map((one) => one.request(impatient)))
  for (let at = 0; at < 20; at++) assert.equal(await all.stranger(), accounts - 1)
  for (const one of await late) {
    const { reason } = one as PromiseRejectedResult
    assert.deepEqual(
      [reason.code, /commits wait for a standby/.test(reason.message)],
      ['TENFOLD_DATA_UNAVAILABLE', true],
    )
  }
  assert.equal(cluster.primaryNow?.id, all.primary)
  assert.equal(cluster.metrics.primaryChanges.value, 0)
  await release()
})

test('a primary that falls silent while somebody waits for it is left for the next one', async (t) => {
  const all = await early(t)
  const { session, accounts } = await all.shownEarly()
  const answers = Array.from({ length: 4 }, () =>
    all.session(all.client, session.token).request((client) => client.readHome(count(LOCKED))),
  )
  signalMember(all.cluster, all.primary, 'SIGSTOP')
  const { primaryNow } = all.client.cluster('c0')
  await until('another primary', async () => {
    const next = all.client.cluster('c0').primaryNow
    return (next !== undefined && next !== primaryNow) || undefined
  })
  const since = performance.now()
  assert.deepEqual(
    await Promise.all(answers),
    answers.map(() => accounts),
  )
  const ms = performance.now() - since
  assert.ok(ms < 2_000, `${ms} ms`)
})

/** A cluster whose primary can be made deaf to its standbys. */
async function early(t: TestContext) {
  const links = delayedLinks(t, NODES)
  const all = await replicated(t, { links: links.make })
  const { client, clusters } = all
  const cluster = clusters[0] as TestCluster
  while (client.cluster('c0').replicas.length < 2) await client.lookAgain('c0')
  const { primary } = cluster.keeper.record
  const link = links.from(primary)
  const other = await all.another()
  let accounts = 0
  const add = (): Promise<unknown> =>
    other.writeHome(`insert ${++accounts}`, (tx) =>
      tx.query('insert into accounts values ($1, 0)', [accounts]),
    )
  await add()
  const shows = (session: TestSession): Promise<true> =>
    until(`a replica shows ${accounts}`, async () => {
      const shown = await session.request((own) => own.readHome(count(ACCOUNTS)))
      return shown === accounts || undefined
    })
  return {
    client,
    cluster,
    primary,
    session: (of: DataClient, token: string) => new TestSession([of], all.storage, token),
    /** What the primary shows whoever has seen nothing. */
    stranger: (): Promise<number> => all.session().request((own) => own.readHome(count(LOCKED))),
    /** A session that has seen on a replica what its primary does not show before `release`. */
    shownEarly: async () => {
      const session = all.session()
      await shows(session)
      link.hold()
      let acknowledged = false
      const writing = add().then(() => {
        acknowledged = true
      })
      writing.catch(() => {}) // nobody may wait for it
      await shows(session)
      const release = (): Promise<void> => {
        link.release()
        return writing
      }
      return { session, accounts, acknowledged: () => acknowledged, release }
    },
  }
}
