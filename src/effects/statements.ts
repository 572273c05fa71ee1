import type { Effects } from '../core/effects.ts'
import { type Lsn, parseLsn, timelineOfWalFile } from '../core/lsn.ts'
import type { SystemStatement } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { Term } from './stream/term.ts'

/** First key as of the fence's locks; the second is beyond any bucket. */
const LOCK = '1413893188, 1000001'
/** Whoever holds the lock has this setting, in the very session that holds it: another session cannot pretend. */
const LEADS = `current_setting('tenfold.relay', true) = 'on'`

/**
 * Milliseconds after which PostgreSQL ends a session that does not ask anything. A relay looks once a second; one that
 * is stopped keeps its connection and would keep the lock for as long.
 */
const SILENCE_MS = 3_000

/**
 * Takes the lock, or not; with the lock it draws the number of its term. Reading must use the indexes: the planner thinks of the
 * table as empty, which it mostly is, but behind a long transaction it is full of dead rows.
 */
export const LEAD: SystemStatement = {
  sql: `select case when pg_try_advisory_lock(${LOCK})
    then set_config('tenfold.relay', 'on', false) || ' ' || pg_current_xact_id()::text end as leads,
  set_config('enable_seqscan', 'off', false), set_config('plan_cache_mode', 'force_generic_plan', false),
  set_config('idle_session_timeout', '${SILENCE_MS}', false)`,
}

export const BEGIN: SystemStatement = { sql: 'begin' }
export const COMMIT: SystemStatement = { sql: 'commit' }

/** The `and` matters: a session that took the place of a lost one must not delete what only others were given. */
export const DELETE = `delete from tenfold.effects where marker = any($1::uuid[]) and ${LEADS}`

/** Moves the log on, unless it has moved: when nobody writes, its end stays where the last commit left it. */
export const MOVE = `select case when pg_current_wal_flush_lsn() <= $1::pg_lsn
  then pg_logical_emit_message(true, 'tenfold', '') end`

/** Must run before the statement that reads: what it gives becomes the position. */
export const NOTE: SystemStatement = {
  sql: `select lsn::text as lsn, pg_walfile_name(lsn) as wal_file, coalesce(${LEADS}, false) as leads
  from pg_current_wal_flush_lsn() lsn`,
}

/** Bytes of effects in one round trip, beyond which no further row is taken: one transaction may have very many keys. */
export const BATCH_BYTES = 4 * 2 ** 20

/** The floor is volatile, hence read after the statement's snapshot was taken; the snapshot is the statement's own. */
const found = (rows: string): string => `batch as materialized (
    select marker, effects, sum(octet_length(effects::text)) over (order by marker rows unbounded preceding)
      - octet_length(effects::text) as bytes_before
    from (select marker, effects from ${rows} where marker > $2::uuid order by marker limit $1) limited)
  select pg_current_snapshot()::text as snapshot, pg_current_wal_flush_lsn()::text as floor,
    (select count(*)::int from batch) as looked_at,
    (select json_agg(json_build_array(marker, effects)) from batch where bytes_before < ${BATCH_BYTES}) as found`

/** Everything that is there. */
export const READ_ALL = `with ${found('tenfold.effects')}`
/** What an earlier snapshot cannot have shown: rows of transactions that had not ended then. Found by their index. */
export const READ_NEW = `with new as materialized (
    select marker, effects from tenfold.effects where xid >= $3::xid8
    union all select marker, effects from tenfold.effects where xid = any($4::xid8[]) and xid < $3::xid8),
  ${found('new')}`

export const COUNT: SystemStatement = { sql: 'select count(*)::int as pending from tenfold.effects' }

/** Below every marker. */
export const FIRST = '00000000-0000-0000-0000-000000000000'

/** A row of `tenfold.effects`. */
export interface Row {
  readonly marker: string
  readonly effects: Effects
}

/** What one round trip of a pass found. */
export interface Found {
  /** Noted before the rows were read. */
  readonly noted: Position
  readonly leads: boolean
  /** Text of the snapshot that showed the rows. */
  readonly snapshot: string
  /** At or above the LSN of every transaction whose row was found. */
  readonly floor: Lsn
  readonly rows: readonly Row[]
  /** There are, or may be, rows with higher markers. */
  readonly more: boolean
}

/** What a round trip of a pass does before it looks. */
export interface Before {
  readonly deletes: readonly string[]
  readonly moveBeyond: Lsn | undefined
}

export const read = (after: string, limit: number, since: string | undefined): SystemStatement => {
  if (since === undefined) return { sql: READ_ALL, params: [limit, after] }
  const [, xmax, running = ''] = since.split(':')
  return { sql: READ_NEW, params: [limit, after, xmax, running === '' ? [] : running.split(',')] }
}

/** Reads the results of NOTE and LEAD. @returns the term, if it has begun; in any case where the log is */
export function leadIn(results: readonly Record<string, unknown>[][]): {
  timeline: number
  term: Term | undefined
} {
  const [[note], [lead]] = results as [[{ wal_file: string }], [{ leads: string | null }]]
  const timeline = timelineOfWalFile(note.wal_file)
  const [leads, xid] = (lead.leads ?? '').split(' ')
  return { timeline, term: leads === 'on' ? { timeline, xid: BigInt(xid as string) } : undefined }
}

/** Reads the last two results of a round trip: NOTE's and the read's. */
export function foundIn(results: readonly Record<string, unknown>[][], limit: number): Found {
  const [note] = results.at(-2) as [{ lsn: string; wal_file: string; leads: boolean }]
  const [row] = results.at(-1) as unknown as [FoundRow]
  const rows = (row.found ?? []).map(([marker, effects]) => ({ marker, effects: readable(effects) }))
  return {
    noted: { lsn: parseLsn(note.lsn), timeline: timelineOfWalFile(note.wal_file) },
    leads: note.leads,
    snapshot: row.snapshot,
    floor: parseLsn(row.floor),
    rows,
    more: row.looked_at === limit || rows.length < row.looked_at,
  }
}

interface FoundRow {
  readonly snapshot: string
  readonly floor: string
  readonly looked_at: number
  readonly found: readonly (readonly [string, unknown])[] | null
}

/** A row that somebody wrote by hand must not stop all others. */
function readable(effects: unknown): Effects {
  const { invalidate, purge } = Object(effects) as Effects
  return {
    ...(Array.isArray(invalidate) && { invalidate: invalidate.filter((key) => typeof key === 'string') }),
    ...(Array.isArray(purge) && { purge }),
  }
}
