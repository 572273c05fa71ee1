import { type Clock, systemClock } from '../../core/clock.ts'
import { type Logger, silentLogger } from '../../core/log.ts'
import type { ClusterOptions, ConnectionOptions } from '../client/types.ts'
import { applyFile, LOCK_TIMEOUT_MS } from './apply.ts'
import { MigrationIncomplete } from './errors.ts'
import { checkStatements, type MigrationFolder, readFolder } from './folder.ts'
import { type MigrationPlan, planMigrations } from './plan.ts'
import { createRecords, readRecords } from './records.ts'
import { MigrationSession } from './session.ts'

/** Where migrations come from and how they run. */
export interface MigrateOptions {
  /** Folder of plain SQL files `NNNN_name.sql`. */
  readonly dir: URL | string
  /** Put ahead of the recorded names, e.g. `tenfold/`, so that several folders share a database. @defaultValue none */
  readonly prefix?: string | undefined
  readonly log?: Logger | undefined
  /** Ends the run; the file at hand is rolled back, what was applied before stays. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
  /** Milliseconds that a statement may wait for a lock; see `MigrationLocked`. @defaultValue 5_000 */
  readonly lockTimeoutMs?: number | undefined
}

/** @see migrate */
export interface MigrateOneOptions extends MigrateOptions {
  readonly connection: ConnectionOptions
  /** For messages. @defaultValue `c0` */
  readonly cluster?: string | undefined
}

/** What a run did. */
export interface MigrateResult {
  /** Names in order; empty when there was nothing to do. */
  readonly applied: string[]
}

/** Of Tenfold's own advisory locks this one is for migrators; the number is arbitrary. */
const LOCK = '7310577386151510'
const POLL_MS = 50
const POLL_MS_MAX = 1_000

/**
 * Applies to one database what its folder has and it has not. One migrator works at a time; others wait, then
 * find nothing to do. When nothing is to do, that is known after one round trip.
 *
 * The lock belongs to a session: behind a pooler that shares sessions among clients (PgBouncer's transaction
 * mode) give the address of PostgreSQL itself.
 *
 * @throws MigrationInvalid, MigrationEdited, MigrationMissing, MigrationOutOfOrder before anything runs
 * @throws MigrationFailed, MigrationLocked for one file; those before it stay applied
 */
export async function migrate(options: MigrateOneOptions): Promise<MigrateResult> {
  return migrateFolder(options, readAndReport(options))
}

/**
 * As {@link migrate}, on every cluster in order, the home cluster first.
 *
 * @throws MigrationIncomplete when there are several and one fails: it tells what was applied where
 */
export async function migrateClusters(
  options: MigrateOptions & { readonly clusters: readonly ClusterOptions[] },
): Promise<Record<string, string[]>> {
  const folder = readAndReport(options)
  const applied: Record<string, string[]> = Object.fromEntries(options.clusters.map(({ name }) => [name, []]))
  for (const { name, connection } of options.clusters) {
    const onApplied = (migration: string): void => void applied[name]?.push(migration)
    try {
      await migrateFolder({ ...options, connection, cluster: name }, folder, onApplied)
    } catch (error) {
      options.signal?.throwIfAborted()
      throw options.clusters.length > 1 ? new MigrationIncomplete(name, applied, error as Error) : error
    }
  }
  return applied
}

/** What is applied and what is not, without changing anything. */
export interface MigrationStatus {
  readonly applied: readonly {
    readonly name: string
    readonly appliedAt: Date
    readonly durationMs: number
  }[]
  readonly pending: readonly string[]
  /** Why `migrate` would refuse. */
  readonly problem?: NonNullable<MigrationPlan['problem']>
  /** Files in the folder that are no migrations. */
  readonly strays: readonly string[]
}

/** For `tenfold doctor`. @throws MigrationInvalid when the folder cannot be used */
export async function migrationStatus(options: MigrateOneOptions): Promise<MigrationStatus> {
  const { files, strays } = readFolder(options.dir, options.prefix)
  const session = await MigrationSession.open(options.connection)
  try {
    const records = (await readRecords(session.client, options.prefix ?? '')) ?? []
    const { pending, problem } = planMigrations(options.cluster ?? 'c0', files, records)
    const applied = records.map(({ name, appliedAt, durationMs }) => ({ name, appliedAt, durationMs }))
    return { applied, pending: pending.map(({ name }) => name), strays, ...(problem && { problem }) }
  } finally {
    await session.close()
  }
}

function readAndReport(options: MigrateOptions): MigrationFolder {
  const folder = readFolder(options.dir, options.prefix)
  if (folder.strays.length > 0)
    options.log?.warn({ files: folder.strays }, 'files that are no migrations lie among them and are ignored')
  return folder
}

async function migrateFolder(
  options: MigrateOneOptions,
  folder: MigrationFolder,
  onApplied: (name: string) => void = () => {},
): Promise<MigrateResult> {
  const { signal, prefix = '', log = silentLogger, clock = systemClock, cluster = 'c0' } = options
  signal?.throwIfAborted()
  const session = await MigrationSession.open(options.connection)
  try {
    const records = await readRecords(session.client, prefix)
    if (records !== undefined && work(planMigrations(cluster, folder.files, records)).length === 0)
      return { applied: [] }
    await takeLock(session, { clock, log, cluster, signal })
    try {
      // Another migrator may have been at work until now.
      const current = await readRecords(session.client, prefix)
      if (current === undefined) await createRecords(session.client)
      const pending = work(planMigrations(cluster, folder.files, current ?? []))
      for (const file of pending) checkStatements(file)
      const lockTimeoutMs = options.lockTimeoutMs ?? LOCK_TIMEOUT_MS
      const applied: string[] = []
      for (const file of pending) {
        await applyFile({ session, cluster, log, clock, signal, lockTimeoutMs }, file)
        applied.push(file.name)
        onApplied(file.name)
      }
      return { applied }
    } finally {
      // Not left to the end of the connection, which the server notices only later.
      await session.client.query(`select pg_advisory_unlock(${LOCK})`).catch(() => {})
    }
  } finally {
    await session.close()
  }
}

function work({ pending, problem }: MigrationPlan): MigrationPlan['pending'] {
  if (problem) throw problem
  return pending
}

/**
 * Asks again and again instead of waiting inside PostgreSQL: a session that waits there holds a snapshot, for
 * which CREATE INDEX CONCURRENTLY of the other migrator would wait in turn.
 */
async function takeLock(
  session: MigrationSession,
  context: {
    readonly clock: Clock
    readonly log: Logger
    readonly cluster: string
    readonly signal: AbortSignal | undefined
  },
): Promise<void> {
  const { clock, log, cluster, signal } = context
  const started = clock.monotonic()
  let toldAt = started
  for (let waitMs = POLL_MS; ; waitMs = Math.min(POLL_MS_MAX, waitMs * 1.5)) {
    const { rows } = await session.client.query<{ taken: boolean }>(
      `select pg_try_advisory_lock(${LOCK}) as taken`,
    )
    if (rows[0]?.taken) return
    const now = clock.monotonic()
    if (toldAt === started || now - toldAt >= POLL_MS_MAX) {
      toldAt = now
      log.info(
        { cluster, seconds: Math.round((now - started) / 1000) },
        'another process migrates this database, waiting for it',
      )
    }
    await clock.sleep(waitMs, { signal })
  }
}
