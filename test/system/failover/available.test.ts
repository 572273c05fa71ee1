import assert from 'node:assert/strict'
import { existsSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { primaryOf, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { lostFolders, lostFromOf } from '../../../src/data/failover/lost.ts'
import { lostTransactions } from '../../../src/data/failover/recover.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { createPostgres } from '../../../src/data/postgres/server.ts'
import { renderReplication } from '../../../src/data/replication/settings.ts'
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
const write = async (client: pg.Client, at: number): Promise<void> => {
  const marker = `018f4f6e-0000-8abc-8def-${String(at).padStart(12, '0')}`
  await client.query('begin')
  await client.query('insert into tenfold.markers values ($1, $2, $3, $4)', [
    marker,
    'note',
    `user:${at}`,
    `{"at":${at}}`,
  ])
  await client.query('insert into notes values ($1, $2)', [at, `note ${at}`])
  await client.query('commit')
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
  // The way to the standby is cut: after a while commits go on, and the topology says so.
  links.from(first).cut()
  await write(client, 2)
  assert.ok(keeper.topology().alone)
  assert.deepEqual([keeper.record.named, keeper.record.synchronous], [[], []])
  await write(client, 3)
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

  const [kept] = lostFolders(dataDir)
  assert.ok(kept && existsSync(kept))
  renameSync(join(kept, 'global', 'pg_control.away'), join(kept, 'global', 'pg_control'))
  const server = createPostgres({
    ...cluster.options,
    dataDir: kept,
    runDir: join(cluster.dir, 'old'),
    logFile: join(cluster.dir, 'old.log'),
    replication: { standby: false, conf: renderReplication({ id: first, synchronous: [] }) },
  })
  t.after(() => server.stop())
  await server.start()
  const old = await session(t, connectionTo(server, 'postgres'))
  const query = (of: pg.Client) => ({
    query: async (sql: string, params?: readonly unknown[]) =>
      (await of.query(sql, params as unknown[])).rows,
  })
  const lost = await lostTransactions(query(old) as never, query(now) as never, lostFromOf(kept))
  assert.deepEqual(
    lost.map(({ key, rows, result, requestedAt }) => ({ key, rows, result, requestedAt })),
    [2, 3].map((at) => ({
      key: `user:${at}`,
      rows: { notes: [{ id: at, text: `note ${at}` }] },
      result: { at },
      requestedAt: new Date(0x018f4f6e0000).toISOString(),
    })),
  )
})

test('available: the primary is started again where it was as long as it can be', async (t) => {
  const cluster = await testCluster(t, { replicas: 1, durability: 'available' })
  const { keeper } = cluster
  const { primary, epoch } = keeper.record
  const standby = keeper.record.nodes.find((id) => id !== primary)!
  const client = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  await client.query('create table notes (id int primary key)')
  keeper.fault(standby, 'pause')
  await client.query('insert into notes values (1)')
  await cluster.until('alone', ({ alone }) => alone)
  keeper.fault(primary, 'kill')
  keeper.fault(standby, 'resume')
  await cluster.whole()
  const now = await session(t, connectionTo(primaryOf(keeper.topology()), 'postgres'))
  assert.deepEqual((await now.query('select id from notes')).rows, [{ id: 1 }])
  assert.deepEqual([keeper.record.primary, keeper.record.epoch], [primary, epoch])
  assert.deepEqual(lostFolders(cluster.options.dataDir), [])
})
