import type pg from 'pg'
import type { MigrationRecord } from './plan.ts'

/** When a migration was applied. */
export interface AppliedMigration extends MigrationRecord {
  readonly appliedAt: Date
  readonly durationMs: number
}

const SELECT = `select name, checksum, applied_at as "appliedAt", duration_ms as "durationMs"
  from tenfold.migrations
  where case when $1 = '' then position('/' in name) = 0 else starts_with(name, $1) end
  order by name`

const CREATE = `create schema if not exists tenfold;
create table if not exists tenfold.migrations (
  name text primary key,
  checksum text not null,
  applied_at timestamptz not null default now(),
  duration_ms int not null
)`

const UNDEFINED_TABLE = '42P01'

/** The records under `prefix`; undefined when the database has no table of them yet. One round trip. */
export async function readRecords(
  client: pg.Client,
  prefix: string,
): Promise<AppliedMigration[] | undefined> {
  try {
    return (await client.query<AppliedMigration>(SELECT, [prefix])).rows
  } catch (error) {
    if ((error as { code?: string }).code === UNDEFINED_TABLE) return undefined
    throw error
  }
}

/** Creates the table of records. Only under the lock: two sessions at it would fail one another. */
export async function createRecords(client: pg.Client): Promise<void> {
  await client.query(CREATE)
}

export async function insertRecord(
  client: pg.Client,
  record: MigrationRecord,
  durationMs: number,
): Promise<void> {
  await client.query(
    'insert into tenfold.migrations (name, checksum, applied_at, duration_ms) values ($1, $2, clock_timestamp(), $3)',
    [record.name, record.checksum, Math.round(durationMs)],
  )
}
