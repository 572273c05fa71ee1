import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DataClient } from '../../../src/data/client/data-client.ts'
import { replicated, type TestSession } from '../../../src/data/client/fixtures/replicated.ts'
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
  const links = delayedLinks(t, NODES)
  const all = await replicated(t, { links: links.make })
  const { client, clusters } = all
  while (client.cluster('c0').replicas.length < 2) await client.lookAgain('c0')
  const primary = clusters[0]!.keeper.record.primary
  const other = await all.another()
  await other.writeHome('warm', (tx) => tx.query('insert into accounts values (0, 0)'))
  const shows = (session: TestSession, wanted: number): Promise<true> =>
    until(`a replica shows ${wanted}`, async () => {
      const shown = await session.request((own) => own.readHome(count(ACCOUNTS)))
      return shown === wanted || undefined
    })
  let accounts = 1
  for (const [name, way] of Object.entries(WAYS)) {
    await t.test(name, async () => {
      const session = all.session()
      await shows(session, accounts)
      const way_ = links.from(primary)
      way_.hold()
      let acknowledged = false
      const writing = other
        .writeHome(`insert ${++accounts}`, (tx) =>
          tx.query('insert into accounts values ($1, 0)', [accounts]),
        )
        .then(() => (acknowledged = true))
      await shows(session, accounts)
      let answered = false
      const answer = session.request(way).finally(() => {
        answered = true
      })
      // Somebody who has not seen it is answered meanwhile, many times.
      for (let at = 0; at < 20; at++) {
        const stranger = await all.session().request((own) => own.readHome(count(LOCKED)))
        assert.equal(stranger, accounts - 1)
      }
      assert.deepEqual([acknowledged, answered], [false, false])
      way_.release()
      assert.equal(await answer, accounts)
      await writing
      // It is known now: nobody has to ask for it again.
      const before = client.cluster('c0').metrics.settles.value
      assert.equal(await session.request(way), accounts)
      assert.ok(client.cluster('c0').metrics.settles.value <= before + 1)
    })
  }
})
