import type { SystemStatement } from '../../core/ports.ts'

/**
 * Stands right before COMMIT where the server has no `transaction_timeout`: ends the session when the transaction is older
 * than so many milliseconds. Its statements and pauses are bounded there one by one; without this, one whose client is gone
 * could commit after everybody has counted it as ended.
 */
export const IN_TIME_SQL = `select case when clock_timestamp() > transaction_timestamp() + $1 * interval '1 ms'
  then pg_terminate_backend(pg_backend_pid()) end`

/**
 * Where it belongs among statements of one round trip, which are a transaction also without BEGIN; nowhere beside a
 * single one, for which `statement_timeout` is enough.
 */
export function placeInTime(statements: readonly SystemStatement[]): number | undefined {
  if (statements.length < 2) return undefined
  const commit = statements.findIndex(({ sql }) => sql === 'commit')
  return commit < 0 ? statements.length : commit
}
