import { type Finding, ok, warn } from './finding.ts'

/** A table that lives on the home cluster only. */
export interface HomeTable {
  readonly name: string
  readonly bytes: number
  /** Rows inserted, updated and deleted since the statistics began. */
  readonly writes: number
  readonly statisticsSeconds: number
}

const MB = 1024 * 1024
const BYTES_MANY = 1024 * MB
const WRITES_PER_SECOND_MANY = 100
const SHOWN = 10

/** Tables of the application, with size and writes; which of them are home tables the declaration says. */
export const TABLES_SQL = `
  select s.relname as name, pg_total_relation_size(s.relid)::float8 as bytes,
    (s.n_tup_ins + s.n_tup_upd + s.n_tup_del)::float8 as writes,
    greatest(1, extract(epoch from now() - coalesce(d.stats_reset, pg_postmaster_start_time())))::float8 as "statisticsSeconds"
  from pg_stat_user_tables s, pg_stat_database d
  where d.datname = current_database() and s.schemaname <> 'tenfold'`

/** Largest first: these are the ones that a key space may one day relieve. */
export function checkHomeTables(tables: readonly HomeTable[]): Finding[] {
  if (tables.length === 0) return [ok('home tables', 'none: every table has a key space or is global')]
  const sorted = tables.toSorted((a, b) => b.bytes - a.bytes || b.writes - a.writes).slice(0, SHOWN)
  return sorted.map((table) => {
    const rate = table.writes / table.statisticsSeconds
    const message = `${(table.bytes / MB).toFixed(1)} MB, ${rate.toFixed(rate < 10 ? 2 : 0)} writes/s`
    const check = `home table ${table.name}`
    if (table.bytes < BYTES_MANY && rate < WRITES_PER_SECOND_MANY) return ok(check, message)
    return warn(
      check,
      message,
      'It cannot grow beyond the home cluster: give it a key, and declare it in a key space.',
    )
  })
}
