import pg from 'pg'
import type { Logger } from '../core/log.ts'
import type { Queryable } from '../core/ports.ts'
import type { ClusterOptions } from './client/types.ts'
import { migrateClusters } from './migrations/index.ts'
import { checkCatalog, gapStatements } from './shards/catalog.ts'
import { placeBuckets } from './shards/place.ts'
import type { PlacedTables } from './shards/placing.ts'

/** Milliseconds that setting up a fence may wait for a table that is in use. */
const LOCK_TIMEOUT_MS = 5000

export interface PrepareOptions {
  readonly clusters: readonly ClusterOptions[]
  readonly placing: PlacedTables
  /** The application's migrations, if it keeps them here. */
  readonly migrations?: URL | undefined
  readonly log: Logger
  readonly signal?: AbortSignal | undefined
}

/** What {@link prepareData} changed. */
export interface Prepared {
  /** By cluster: names of the migrations that were applied. */
  readonly applied: Readonly<Record<string, readonly string[]>>
  /** The buckets had no owner before: the system begins now. */
  readonly begun: boolean
}

/**
 * Brings every cluster up to what the application expects: the platform's schema, the application's
 * migrations, owners for the buckets, and the fence's triggers. Does nothing when all is there.
 *
 * @throws the errors of the migrations, CatalogMismatch, PlacementMismatch
 */
export async function prepareData({
  clusters,
  placing,
  migrations,
  log,
  signal,
}: PrepareOptions): Promise<Prepared> {
  const common = { clusters, log, signal }
  await migrateClusters({ ...common, dir: new URL('./schema/', import.meta.url), prefix: 'tenfold/' })
  const applied = migrations ? await migrateClusters({ ...common, dir: migrations }) : {}
  const sessions = await Promise.all(clusters.map((cluster) => open(cluster)))
  try {
    const placed = sessions.map((session, at) => ({
      name: (clusters[at] as ClusterOptions).name,
      db: session.db,
    }))
    const [directory] = await (placed[0] as { db: Queryable }).db.query<{ empty: boolean }>(
      'select not exists (select from tenfold.directory) as empty',
    )
    await placeBuckets(placed)
    for (const [at, { name, db }] of placed.entries()) await raiseFence(db, { name, home: at === 0 }, placing)
    return { applied, begun: directory?.empty === true }
  } finally {
    await Promise.all(sessions.map((session) => session.close()))
  }
}

async function raiseFence(
  db: Queryable,
  cluster: { name: string; home: boolean },
  placing: PlacedTables,
): Promise<void> {
  for (const gap of await checkCatalog(db, cluster, placing)) {
    await db.query('begin')
    try {
      await db.query(`set local lock_timeout = ${LOCK_TIMEOUT_MS}`)
      for (const statement of gapStatements(gap)) await db.query(statement)
      await db.query('commit')
    } catch (error) {
      await db.query('rollback')
      throw error
    }
  }
}

async function open({ connection }: ClusterOptions): Promise<{ db: Queryable; close(): Promise<void> }> {
  const client = new pg.Client({ ...connection, application_name: 'tenfold prepare' })
  client.on('error', () => {}) // the query that fails says it
  await client.connect()
  return {
    db: { query: async (sql, params) => (await client.query(sql, params as unknown[])).rows },
    close: () => client.end(),
  }
}
