import type { BatchItem } from '../connection/batch.ts'
import type { Statements } from '../connection/statements.ts'
import type { Deadline } from './retry.ts'

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

/** Gives the current transaction the time of its deadline, where that is more than the session's default. */
export function longer(statements: Statements, deadline: Deadline, timeouts: readonly string[]): BatchItem[] {
  if (deadline.ms <= DEADLINE_MS) return []
  const statement = statements.get('select set_config($1, $2, true)')
  return timeouts.map((name) => ({ statement, params: [name, String(Math.ceil(deadline.ms))] }))
}
