import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import pg from 'pg'
import { createContextStorage } from '../../core/context.ts'
import { placementOf } from '../../core/keys.ts'
import type { SystemStore } from '../../core/ports.ts'
import { systemRandom } from '../../core/random.ts'
import { clusterOf } from '../shards/directory.ts'
import type { DataClient } from './data-client.ts'
import { fixture } from './fixtures/fixture.ts'
import { systemStore } from './system-store.ts'

const INSERT = `insert into tenfold.limits (key, bucket, tag, tat) values ($1, $2, $3, now())
  on conflict (key) do update set tat = now() returning pg_current_xact_id()::text as xact`

interface Written {
  readonly xact: string
}

async function stores(t: TestContext, clusters = 1) {
  const { client, another, connections } = await fixture(t, { clusters })
  const of = (one: DataClient): SystemStore => systemStore(one, systemRandom(), createContextStorage())
  const sqls = connections.map((connection) => new pg.Client(connection))
  for (const sql of sqls) {
    sql.on('error', () => {}) // the database goes before
    await sql.connect()
    t.after(() => sql.end())
  }
  return { store: of(client), other: of(await another()), sql: sqls[0]!, sqls, client }
}

const ownerOf = (client: DataClient, hash: number): string => clusterOf(client.directory, placementOf(hash))

/** Writes a row of the platform, and tells in which transaction. */
async function put(store: SystemStore, key: string): Promise<string> {
  const hash = store.hash(key)
  const params = [key, hash % 4096, Math.floor(hash / 4096)]
  const [[row] = []] = await store.apply<Written>(hash, { sql: INSERT, params })
  return row!.xact
}

const keys = (count: number): string[] => Array.from({ length: count }, (_, at) => `key ${at}`)

describe('records of many requests', () => {
  test('that come together are one commit; each gets the rows of its own statements', async (t) => {
    const { store } = await stores(t)
    const echo = (key: string) =>
      store.apply(
        store.hash(key),
        { sql: 'select 1 as first' },
        { sql: 'select $1::text as key', params: [key] },
      )
    const [xacts, echoes] = await Promise.all([
      Promise.all(keys(20).map((key) => put(store, key))),
      Promise.all(keys(10).map(echo)),
    ])
    assert.equal(new Set(xacts).size, 1)
    assert.deepEqual(
      echoes,
      keys(10).map((key) => [[{ first: 1 }], [{ key }]]),
    )
  })

  test('that come while one is under way leave together in the next', async (t) => {
    const { store, sql } = await stores(t)
    await put(store, 'held')
    await sql.query('begin')
    await sql.query("select from tenfold.limits where key = 'held' for update")
    const held = put(store, 'held')
    const waits = `select count(*)::int as count from pg_stat_activity
      where datname = current_database() and wait_event_type = 'Lock'`
    while ((await sql.query(waits)).rows[0].count === 0);
    // Two more ways are free: what one of them waits for does not hold up all.
    const first = await put(store, 'first')
    const rest = await Promise.all(keys(30).map((key) => put(store, key)))
    assert.equal(new Set(rest).size, 1)
    assert.notEqual(rest[0], first)
    await sql.query('rollback')
    assert.ok(!rest.includes(await held))
  })

  test('of which one is refused: the others are written', async (t) => {
    const { store, sql } = await stores(t)
    const written = keys(10).map((key) => put(store, key))
    const refused = store.apply(store.hash('refused'), { sql: 'select 1 / 0' })
    await assert.rejects(refused, { code: '22012' })
    await Promise.all(written)
    const { rows } = await sql.query('select count(*)::int as count from tenfold.limits')
    assert.deepEqual(rows, [{ count: 10 }])
  })

  test('of which one belongs to another cluster by now: all are written where they belong', async (t) => {
    const { store, sqls, client } = await stores(t, 2)
    const [home, other] = sqls as [pg.Client, pg.Client]
    const here = keys(20).filter((key) => ownerOf(client, store.hash(key)) === 'c0')
    const [moved] = here
    const bucket = store.hash(moved!) % 4096
    const epoch = client.directory.bucketEpoch[bucket]! + 1
    await home.query('update tenfold.buckets set owned = false, epoch = $2 where bucket = $1', [
      bucket,
      epoch,
    ])
    await home.query(`update tenfold.directory set cluster = 'c1', epoch = $2 where bucket = $1`, [
      bucket,
      epoch,
    ])
    await home.query('update tenfold.directory_epoch set epoch = epoch + 1')
    await other.query(
      `insert into tenfold.buckets (bucket, owned, epoch) values ($1, true, $2)
       on conflict (bucket) do update set owned = true, epoch = excluded.epoch`,
      [bucket, epoch],
    )
    await Promise.all(here.map((key) => put(store, key)))
    const [onHome, onOther] = await Promise.all(
      sqls.map(async (sql) => (await sql.query('select key from tenfold.limits')).rows.map(({ key }) => key)),
    )
    assert.deepEqual(onHome!.toSorted(), here.slice(1).toSorted())
    assert.deepEqual(onOther, [moved])
  })

  test('of two processes in whatever order: nobody waits for who waits for him', async (t) => {
    const { store, other, sql } = await stores(t)
    for (let round = 0; round < 30; round++) {
      const forth = keys(20).map((key) => put(store, key))
      const back = keys(20)
        .toReversed()
        .map((key) => put(other, key))
      await Promise.all([...forth, ...back])
    }
    await sql.query('select pg_stat_force_next_flush()')
    const { rows } = await sql.query(
      'select deadlocks::int from pg_stat_database where datname = current_database()',
    )
    assert.deepEqual(rows, [{ deadlocks: 0 }])
  })

  test('whose session is cut are written by the next one', async (t) => {
    const { store, sql } = await stores(t)
    for (let round = 0; round < 20; round++) {
      const written = keys(20).map((key) => put(store, `${round} ${key}`))
      await sql.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and application_name = 'tenfold'`,
      )
      await Promise.all(written)
    }
    const { rows } = await sql.query('select count(*)::int as count from tenfold.limits')
    assert.deepEqual(rows, [{ count: 400 }])
  })
})
