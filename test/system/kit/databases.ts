import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../../src/core/clock.ts'
import {
  type ContextStorage,
  createContextStorage,
  detachedContext,
  type RequestContext,
} from '../../../src/core/context.ts'
import { silentLogger } from '../../../src/core/log.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { uuidv7 } from '../../../src/core/uuid.ts'
import { DataClient } from '../../../src/data/client/data-client.ts'
import type { ClusterOptions, ConnectionOptions } from '../../../src/data/client/types.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { testDatabase } from '../../../src/testing/postgres.ts'
import app from './app.ts'
import { CutProxy } from './cut-proxy.ts'
import { openAccounts, type Sql } from './operations.ts'

/**
 * The kit's tables on fresh databases of a real server, fenced and with owners for all buckets.
 * `durable` gives a server that waits for the disk and for standbys at each commit.
 */
export async function kitDatabases(
  t: TestContext,
  { clusters = 1, durable = false } = {},
): Promise<ClusterOptions[]> {
  const databases = await Promise.all(Array.from({ length: clusters }, () => testDatabase({ durable })))
  for (const { drop } of databases) t.after(drop)
  const named = databases.map(({ connection }, at) => ({ name: `c${at}`, connection }))
  await prepareKit(named)
  return named
}

/** Makes the kit's tables in empty databases. */
export async function prepareKit(named: readonly ClusterOptions[]): Promise<void> {
  const { migrations } = app.options
  await prepareData({ clusters: named, placing: app.placing, migrations, log: silentLogger })
  await withClient(named, ({ client, asRequest }) =>
    asRequest(newRequestId(), () => client.writeHome('open accounts', (tx) => openAccounts(tx as Sql))),
  )
}

export const newRequestId = uuidv7(systemClock, systemRandom())

/** A data client, and a way to act as a request of a given id. */
export interface KitClient {
  readonly client: DataClient
  asRequest<R>(requestId: string, work: (context: RequestContext) => Promise<R>): Promise<R>
}

/** A started data client, as one process has it. The caller stops it. */
export async function kitClient(clusters: readonly ClusterOptions[], connectionsMax = 4): Promise<KitClient> {
  const storage: ContextStorage = createContextStorage()
  const client = new DataClient({
    clusters,
    placing: app.placing,
    storage,
    log: silentLogger,
    clock: systemClock,
    random: systemRandom(),
    connectionsMax,
    doubleRun: false,
  })
  await client.start()
  return {
    client,
    asRequest: (requestId, work) => {
      const context = detachedContext(requestId, silentLogger)
      return storage.run(context, () => work(context))
    },
  }
}

async function withClient(
  clusters: readonly ClusterOptions[],
  work: (kit: KitClient) => Promise<unknown>,
): Promise<void> {
  const kit = await kitClient(clusters)
  try {
    await work(kit)
  } finally {
    await kit.client.stop()
  }
}

/** A plain connection past all proxies, for what a test does to the server or reads from it. */
export async function admin(t: TestContext, connection: ConnectionOptions): Promise<pg.Client> {
  const client = new pg.Client(connection)
  client.on('error', () => {}) // the query that fails says it
  await client.connect()
  t.after(() => client.end())
  return client
}

/** A proxy before one database, and how to reach the database through it. */
export async function proxied(
  t: TestContext,
  connection: ConnectionOptions,
): Promise<{ proxy: CutProxy; connection: ConnectionOptions }> {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-cut-'))
  const name = `.s.PGSQL.${connection.port}`
  const target = connection.host.startsWith('/')
    ? { path: join(connection.host, name) }
    : { port: connection.port }
  const proxy = await CutProxy.listen({ path: join(dir, name) }, target)
  t.after(async () => {
    await proxy.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return { proxy, connection: { ...connection, host: dir } }
}
