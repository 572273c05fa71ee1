import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import { type Blocker, describe, MigrationFailed, MigrationLocked, type MigrationPlace } from './errors.ts'
import type { MigrationFile } from './folder.ts'
import { insertRecord } from './records.ts'
import { type MigrationSession, observed } from './session.ts'
import { type Statement, statementsOf } from './statements.ts'
import { excerptAt, lineAndColumn, offsetOfPosition } from './text.ts'

/** What applying a file needs to know. */
export interface ApplyContext {
  readonly session: MigrationSession
  readonly cluster: string
  readonly log: Logger
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  /** Milliseconds; see {@link LOCK_TIMEOUT_MS}. */
  readonly lockTimeoutMs: number
}

/** @defaultValue milliseconds that a statement waits for a lock: longer would stop all traffic queued behind it */
export const LOCK_TIMEOUT_MS = 5_000
/** How often a file is tried when it does not get its locks. */
export const LOCK_ATTEMPTS = 4
/** Milliseconds before the second attempt; doubled for each further one, so that traffic gets through. */
const BACKOFF_MS = 500
const PROGRESS_MS = 1_000
const LOCK_NOT_AVAILABLE = '55P03'

/**
 * The row triggers of the fence let this value pass (DESIGN.md 5.6). Time limits of the role or the database
 * are for requests, not for migrations.
 */
const SETTINGS = { 'tenfold.bucket': 'migration', statement_timeout: '0' }
/** Servers before PostgreSQL 17 do not know the first of these. */
const unlimited = (scope: 'set' | 'set local'): string =>
  `select set_config(name, '0', ${scope === 'set local'}) from pg_settings
    where name in ('transaction_timeout', 'idle_in_transaction_session_timeout')`

const settings = (scope: 'set' | 'set local', lockTimeoutMs: number): string =>
  Object.entries({ ...SETTINGS, lock_timeout: String(lockTimeoutMs) })
    .map(([name, value]) => `${scope} ${name} = '${value}'`)
    .concat(unlimited(scope), NOT_OUR_SCHEMA)
    .join('; ')

/**
 * By default new tables go to the schema that has the name of the role, if there is one: for a role named
 * `tenfold` that would be ours.
 */
const NOT_OUR_SCHEMA = `select set_config('search_path', 'public', false)
  where current_user = 'tenfold' and current_setting('search_path') = '"$user", public'`

/** Applies one file and records it: all of it or, with a transaction, nothing. */
export async function applyFile(context: ApplyContext, file: MigrationFile): Promise<void> {
  const { client } = context.session
  const started = context.clock.monotonic()
  context.log.info({ cluster: context.cluster, migration: file.name }, 'migrating')
  if (file.transactional)
    await withRetries(context, (attempt) => inTransaction(context, file, attempt, started))
  else {
    // No lock_timeout: CREATE INDEX CONCURRENTLY waits for every older transaction, and blocks nobody meanwhile.
    await client.query(settings('set', 0))
    for (const statement of statementsOf(file.text)) await runStatement(context, file, statement, 1)
    await warnOfInvalidIndexes(context, file)
    await insertRecord(client, file, context.clock.monotonic() - started)
  }
  // What a file has set (search_path, role) is not for the next one.
  await client.query('reset all; reset role')
  const durationMs = Math.round(context.clock.monotonic() - started)
  context.log.info({ cluster: context.cluster, migration: file.name, durationMs }, 'migrated')
}

/** IF NOT EXISTS takes what a failed CREATE INDEX CONCURRENTLY has left for the index that was meant. */
async function warnOfInvalidIndexes(
  { session, cluster, log }: ApplyContext,
  file: MigrationFile,
): Promise<void> {
  const { rows } = await session.client.query<{ name: string }>(
    `select c.oid::regclass::text as name from pg_index i join pg_class c on c.oid = i.indexrelid
      where not i.indisvalid and c.relkind = 'i' order by 1`,
  )
  const indexes = rows.map(({ name }) => name)
  if (indexes.length > 0)
    log.warn(
      { cluster, migration: file.name, indexes },
      'these indexes are invalid, as a failed CREATE INDEX CONCURRENTLY leaves them; drop and create them again',
    )
}

async function withRetries(context: ApplyContext, run: (attempt: number) => Promise<void>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(attempt)
    } catch (error) {
      if (!(error instanceof MigrationLocked) || attempt === LOCK_ATTEMPTS) throw error
      const waitMs = BACKOFF_MS * 2 ** (attempt - 1)
      const fields = {
        cluster: context.cluster,
        migration: error.place.file,
        attempt,
        waitMs,
        blockers: error.blockers,
      }
      context.log.warn(fields, `a lock is held by another session, trying again; ${describe(error.blockers)}`)
      await context.clock.sleep(waitMs, { signal: context.signal })
    }
  }
}

async function inTransaction(
  context: ApplyContext,
  file: MigrationFile,
  attempt: number,
  started: number,
): Promise<void> {
  const { client } = context.session
  try {
    await client.query(`begin; ${settings('set local', context.lockTimeoutMs)}`)
    for (const statement of statementsOf(file.text)) await runStatement(context, file, statement, attempt)
    await insertRecord(client, file, context.clock.monotonic() - started)
    // Deferred constraints speak up here.
    const end: Statement = {
      text: 'commit',
      offset: Math.max(0, file.text.trimEnd().length - 1),
      words: ['commit'],
    }
    await runStatement(context, file, end, attempt)
  } catch (error) {
    await client.query('rollback').catch(() => {}) // a lost connection has rolled back already
    throw error
  }
}

/** Runs one statement and says from time to time that it still does. */
async function runStatement(
  context: ApplyContext,
  file: MigrationFile,
  statement: Statement,
  attempt: number,
): Promise<void> {
  const { session, cluster, clock, signal } = context
  signal?.throwIfAborted()
  const started = clock.monotonic()
  const place = (): MigrationPlace => ({
    cluster,
    file: file.file,
    ...lineAndColumn(file.text, statement.offset),
  })
  let blockers: Blocker[] = []
  const look = async (): Promise<void> => {
    const seen = await session.blockers()
    if (seen.length > 0) blockers = seen
    const seconds = Math.round((clock.monotonic() - started) / 1000)
    if (seconds < 1) return
    const waits = seen.length > 0 ? `; it waits for a lock: ${describe(seen)}` : ''
    context.log.info(
      { ...place(), seconds },
      `still migrating ${file.file}, ${seconds} s in this statement${waits}`,
    )
  }
  const cancel = (): void => void session.cancel().catch(() => {})
  signal?.addEventListener('abort', cancel, { once: true })
  try {
    // Early enough to see who holds the lock before the wait for it ends.
    const firstMs = file.transactional ? Math.min(PROGRESS_MS, context.lockTimeoutMs / 2) : PROGRESS_MS
    await observed(clock, { firstMs, everyMs: PROGRESS_MS }, look, () => session.client.query(statement.text))
  } catch (error) {
    signal?.throwIfAborted()
    const cause = error as PostgresFailure
    if (cause.code === LOCK_NOT_AVAILABLE && file.transactional)
      throw new MigrationLocked(place(), blockers, attempt, cause)
    throw failed(context, file, statement, cause)
  } finally {
    signal?.removeEventListener('abort', cancel)
  }
}

interface PostgresFailure extends Error {
  readonly code?: string
  readonly position?: string
  readonly detail?: string
  readonly hint?: string
  readonly where?: string
}

/** PostgreSQL gives a position for mistakes in the text; for others the statement's beginning stands. */
function failed(
  context: ApplyContext,
  file: MigrationFile,
  statement: Statement,
  cause: PostgresFailure,
): MigrationFailed {
  const within = cause.position === undefined ? 0 : offsetOfPosition(statement.text, Number(cause.position))
  const offset = statement.offset + within
  const notes = [
    cause.detail && `Detail: ${cause.detail}`,
    cause.hint && `Hint: ${cause.hint}`,
    cause.where && `Where: ${cause.where}`,
  ].filter((note) => note !== undefined && note !== '') as string[]
  return new MigrationFailed(
    {
      place: { cluster: context.cluster, file: file.file, ...lineAndColumn(file.text, offset) },
      sqlState: /^[0-9A-Z]{5}$/.test(cause.code ?? '') ? cause.code : undefined,
      excerpt: excerptAt(file.text, offset),
      notes,
      transactional: file.transactional,
    },
    cause,
  )
}
