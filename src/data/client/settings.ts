import type { BatchItem } from '../connection/batch.ts'
import type { Statements } from '../connection/statements.ts'

/** Milliseconds that one read statement may run on the server; matches the default deadline. */
export const DEADLINE_MS = 10_000
/** Milliseconds that a statement may run in the lane; one that waits for a lock must not hold up all others. */
export const LANE_STATEMENT_MS = 250

export const COMMON = {
  jit: 'off',
  timezone: 'UTC',
  datestyle: 'ISO,MDY',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
}
export const READ_SETTINGS = {
  ...COMMON,
  default_transaction_read_only: 'on',
  statement_timeout: String(DEADLINE_MS),
  idle_in_transaction_session_timeout: String(DEADLINE_MS),
}
/** What is acknowledged is on disk, and on the standbys that the server waits for, whatever a role's default is. */
export const WRITE_SETTINGS = {
  ...COMMON,
  synchronous_commit: 'on',
  transaction_timeout: String(DEADLINE_MS),
}

/** A session of the read pools ends at once when one of these changes: nothing may run under the new value. */
export const GUARDED = [
  'default_transaction_read_only',
  'search_path',
  'session_authorization',
  'standard_conforming_strings',
]

/** PostgreSQL does not heed another `transaction_timeout` while that of the session runs: it has to be ended first. */
const LONGER_SQL = "select set_config($1, '0', true), set_config($1, $2, true)"

/** Gives the current transaction `ms`, where that is more than the session's default. */
export function longer(statements: Statements, ms: number, timeouts: readonly string[]): BatchItem[] {
  if (ms <= DEADLINE_MS) return []
  const statement = statements.get(LONGER_SQL)
  return timeouts.map((name) => ({ statement, params: [name, String(Math.ceil(ms))] }))
}
