import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { silentLogger } from '../../../src/core/log.ts'
import { MARKER_SQL } from '../../../src/data/client/marker.ts'
import {
  LOST,
  primaryOf,
  type TestCluster,
  type TestClusterOptions,
  testCluster,
} from '../../../src/data/failover/fixtures/cluster.ts'
import { lostFolder, lostFolders, lostXidsOf } from '../../../src/data/failover/lost.ts'
import { whatWasLost } from '../../../src/data/failover/recover.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { createPostgres } from '../../../src/data/postgres/server.ts'
import { renderReplication } from '../../../src/data/replication/settings.ts'
import { until, within } from '../kit/deadline.ts'
import { delayedLinks } from './links.ts'

async function session(t: TestContext, connection: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(connection)
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end().catch(() => {}))
  return client
}

const SCHEMA = `create schema tenfold;
  create table tenfold.markers (id uuid primary key, name text, key text, result text);
  create table notes (id int primary key, text text)`
const markerOf = (at: number): string => `018f4f6e-0000-8abc-8def-${String(at).padStart(12, '0')}`
const write = async (client: pg.Client, at: number, ...more: readonly string[]): Promise<void> => {
  const values = [markerOf(at), 'note', `user:${at}`, `{"at":${at}}`]
  await client.query('begin')
  await client.query('insert into tenfold.markers values ($1, $2, $3, $4)', values)
  await client.query('insert into notes values ($1, $2)', [at, `note ${at}`])
  for (const sql of more) await client.query(sql)
  await client.query('commit')
}

const query = (of: pg.Client) => ({
  query: async (sql: string, params?: readonly unknown[]) => (await of.query(sql, params as unknown[])).rows,
})

/** Starts what is in a folder that was put aside, once it is whole again. */
async function openKept(t: TestContext, { dir, options }: TestCluster, kept: string): Promise<pg.Client> {
  renameSync(join(kept, 'global', 'pg_control.away'), join(kept, 'global', 'pg_control'))
  const server = createPostgres({
    ...options,
    dataDir: kept,
    runDir: join(dir, 'old'),
    logFile: join(dir, 'old.log'),
    replication: { standby: false, conf: renderReplication({ id: 'old', synchronous: [] }) },
  })
  t.after(() => server.stop())
  await server.start()
  return session(t, connectionTo(server, 'postgres'))
}

test('available: commits go on without a standby, and what a lossy failover loses is found again', async (t) => {
  const links = delayedLinks(t, ['c0-pg-1', 'c0-pg-2'])
  const cluster = await testCluster(t, { replicas: 1, durability: 'available', links: links.make })
  const { keeper } = cluster
  const first = keeper.record.primary
  const standby = keeper.record.nodes.find((id) => id !== first)!
  const client = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  await client.query(SCHEMA)
  await write(client, 1)
  // One that begins before the standby goes, and ends after.
  const slow = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  await slow.query(`begin; insert into notes values (105, 'slow')`)
  // The way to the standby is cut: after a while commits go on, and the topology says so.
  links.from(first).cut()
  await write(client, 2)
  assert.ok(keeper.topology().alone)
  assert.deepEqual([keeper.record.named, keeper.record.synchronous], [[], []])
  await write(client, 3, 'savepoint more', "insert into notes values (103, 'savepoint')", 'release more')
  const nested = ['savepoint more', `insert into notes values (106, 'nested')`, 'release more']
  await write(client, 4, ...nested)
  await slow.query('commit')
  await client.query("insert into notes values (104, 'plain')")
  // A client repeats its request: the first write is read again, and remains where it was.
  assert.equal((await client.query(MARKER_SQL.resolve, [markerOf(1)])).rowCount, 1)
  // The primary's folder cannot be started any more: what only the old one had is lost.
  const { dataDir } = cluster.options
  const control = join(dataDir, 'global', 'pg_control')
  renameSync(control, `${control}.away`)
  keeper.fault(first, 'kill')
  await cluster.until('the standby is primary', ({ primary }) => primary === standby)
  await cluster.whole()
  const now = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  assert.deepEqual((await now.query('select id from notes order by id')).rows, [{ id: 1 }])
  // Work goes on, and takes the numbers of the lost transactions.
  for (const at of [7, 8, 9]) await write(now, at)
  // Another client repeats a request whose write is lost.
  await write(now, 4, ...nested)
  // What is known of the first one is swept in time.
  await now.query('delete from tenfold.markers where id = $1', [markerOf(1)])

  const [kept] = lostFolders(dataDir)
  assert.ok(kept && existsSync(kept))
  const old = await openKept(t, cluster, kept)
  const lost = await whatWasLost(query(old) as never, query(now) as never, lostXidsOf(kept))
  assert.deepEqual(
    lost.transactions.map(({ key, rows, result, requestedAt }) => ({ key, rows, result, requestedAt })),
    [2, 3].map((at) => ({
      key: `user:${at}`,
      rows: { notes: [{ id: at, text: `note ${at}` }] },
      result: { at },
      requestedAt: new Date(0x018f4f6e0000).toISOString(),
    })),
  )
  const { notes = [] } = lost.otherRows as { notes?: { id: number }[] }
  assert.deepEqual(
    notes.toSorted((one, other) => one.id - other.id),
    [
      { id: 103, text: 'savepoint' },
      { id: 104, text: 'plain' },
      { id: 105, text: 'slow' },
    ],
  )
})

/** A primary that has acknowledged alone. It dies, and is broken by `breaks` until that resolves; nothing may be lost. */
async function comesBack(
  t: TestContext,
  options: TestClusterOptions,
  breaks: (dataDir: string) => () => Promise<void>,
): Promise<void> {
  const cluster = await testCluster(t, { replicas: 1, durability: 'available', ...options })
  const { keeper } = cluster
  const { primary, epoch } = keeper.record
  const standby = keeper.record.nodes.find((id) => id !== primary)!
  const client = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  await client.query('create table notes (id int primary key)')
  keeper.fault(standby, 'pause')
  await client.query('insert into notes values (1)')
  await cluster.until('alone', ({ alone }) => alone)
  const mends = breaks(cluster.options.dataDir)
  keeper.fault(primary, 'kill')
  keeper.fault(standby, 'resume')
  await mends()
  await cluster.whole()
  const now = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  assert.deepEqual((await now.query('select id from notes')).rows, [{ id: 1 }])
  assert.deepEqual([keeper.record.primary, keeper.record.epoch], [primary, epoch])
  assert.deepEqual(lostFolders(cluster.options.dataDir), [])
}

test('available: the primary is started again where it was as long as it can be', (t) =>
  comesBack(t, {}, () => async () => {}))

test('available: a primary that cannot be started for a moment is no reason to lose anything', async (t) => {
  let failed = 0
  const warn = (_: object, message?: string): void => {
    if (message === 'a PostgreSQL cannot be started') failed++
  }
  await comesBack(t, { log: { ...silentLogger, warn } as never }, (dataDir) => {
    const conf = join(dataDir, 'postgresql.auto.conf')
    const before = readFileSync(conf)
    appendFileSync(conf, 'of no use\n')
    return async () => {
      await until('two starts have failed', () => failed >= 2 || undefined)
      writeFileSync(conf, before)
    }
  })
})

test('available: a loss is noted when the old folder is not there, too', async (t) => {
  const errors: string[] = []
  const log = { ...silentLogger, error: (_: object, message: string) => void errors.push(message) }
  const cluster = await testCluster(t, { replicas: 1, durability: 'available', log: log as never })
  const { keeper, options } = cluster
  const { primary, epoch } = keeper.record
  const standby = keeper.record.nodes.find((id) => id !== primary)!
  const client = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  keeper.fault(standby, 'pause')
  await client.query('create table notes (id int primary key)')
  await cluster.until('alone', ({ alone }) => alone)
  renameSync(options.dataDir, join(dirname(options.dataDir), `${LOST}c0`))
  keeper.fault(primary, 'kill')
  keeper.fault(standby, 'resume')
  await cluster.until('the standby is primary', (now) => now.primary === standby)
  const kept = lostFolder(options.dataDir, epoch)
  assert.deepEqual([lostFolders(options.dataDir), existsSync(kept)], [[kept], false])
  assert.match(errors.join('\n'), /acknowledged transactions may be lost.*nor is its data folder/)
  await cluster.whole()
})

test('available: after a failover commits go on although nobody is there to wait for', async (t) => {
  const cluster = await testCluster(t, { replicas: 1, durability: 'available' })
  const { keeper } = cluster
  const standby = keeper.record.nodes.find((id) => id !== keeper.record.primary)!
  const client = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  await client.query('create table notes (id int primary key)')
  // It can send its log to nobody, so the next standby cannot be made yet.
  const there = await session(t, cluster.connections().get(standby)!)
  const { rows } = await there.query(
    `select setting::int - (select count(*) from pg_replication_slots)::int as free from pg_settings where name = 'max_replication_slots'`,
  )
  for (let at = 0; at < rows[0].free; at++)
    await there.query(`select pg_create_physical_replication_slot('other_${at}')`)
  keeper.fault(keeper.record.primary, 'kill')
  await cluster.until('the standby is primary', ({ primary }) => primary === standby)
  const now = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  await within(now.query('insert into notes values (1)'), 'a commit', 10_000)
  assert.ok(keeper.topology().alone)
  await now.query(
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name like 'other%'`,
  )
  await cluster.whole()
})
