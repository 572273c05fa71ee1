import pg from 'pg'
import { systemClock } from '../core/clock.ts'
import { isTenfoldError } from '../core/errors.ts'
import type { Logger } from '../core/log.ts'
import type { Queryable } from '../core/ports.ts'
import type { ClusterOptions } from './client/types.ts'
import { meansLost } from './connection/failure.ts'
import { migrateClusters } from './migrations/index.ts'
import { findPrimary } from './routing/find-primary.ts'
import { checkCatalog, gapStatements } from './shards/catalog.ts'
import { placeBuckets } from './shards/place.ts'
import type { PlacedTables } from './shards/placing.ts'

/** Milliseconds that setting up a fence may wait for a table that is in use. */
const LOCK_TIMEOUT_MS = 5000
/** Milliseconds in which another primary is followed when one is lost meanwhile. */
const FOLLOW_MS = 30_000

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
export async function prepareData(options: PrepareOptions): Promise<Prepared> {
  const { log, signal } = options
  const until = systemClock.monotonic() + FOLLOW_MS
  const progress = { begun: false }
  for (;;) {
    const clusters = await Promise.all(
      options.clusters.map(async (cluster) => ({
        name: cluster.name,
        connection: await findPrimary(cluster, { log, signal }),
      })),
    )
    try {
      return await prepare({ ...options, clusters }, progress)
    } catch (error) {
      signal?.throwIfAborted()
      // What was done stays done; the rest goes on at the primary that there is by then.
      const mayMove = options.clusters.some(({ members = [] }) => members.length > 1)
      if (!mayMove || !meansLost(lostIn(error)) || systemClock.monotonic() > until) throw error
      log.warn({ err: error }, 'a primary was lost while it was prepared; going on with another')
    }
  }
}

/** A migration's failure names what PostgreSQL said as its cause. */
function lostIn(error: unknown): unknown {
  let inner = error
  while (isTenfoldError(inner) && inner.cause !== undefined) inner = inner.cause
  return inner
}

async function prepare(
  { clusters, placing, migrations, log, signal }: PrepareOptions,
  progress: { begun: boolean },
): Promise<Prepared> {
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
    // Also when it fails further on, and only the next run comes to its end.
    progress.begun ||= directory?.empty === true
    await placeBuckets(placed)
    for (const [at, { name, db }] of placed.entries()) await raiseFence(db, { name, home: at === 0 }, placing)
    return { applied, begun: progress.begun }
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
