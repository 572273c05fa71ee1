import { isTenfoldError } from '../../core/errors.ts'

/**
 * What a failed statement or connection means for the one who sent it.
 *
 * - `connection`: the session is gone or must not be used again; whether a COMMIT in flight took effect is unknown
 * - `serialization`: rolled back by concurrency control; run again
 * - `stale`: the router's directory is older than the fence's; refresh, run again
 * - `plan`: a prepared statement is gone or no longer fits a changed table; run again
 * - `statement`: the statement itself is at fault
 */
export type Failure = 'connection' | 'serialization' | 'stale' | 'plan' | 'statement'

/** SQLSTATE that `tenfold.enter` raises when this cluster does not own the bucket in that epoch. */
export const STALE_ROUTER = 'TF001'

const BY_STATE: Readonly<Record<string, Failure>> = {
  '40001': 'serialization', // serialization_failure
  '40P01': 'serialization', // deadlock_detected
  [STALE_ROUTER]: 'stale',
  '25006': 'connection', // read_only_sql_transaction: a demoted primary
  '57P01': 'connection', // admin_shutdown
  '57P02': 'connection', // crash_shutdown
  '57P03': 'connection', // cannot_connect_now
  '57P04': 'connection', // database_dropped
  '53300': 'connection', // too_many_connections
  '25P03': 'connection', // idle_in_transaction_session_timeout
  '25P04': 'connection', // transaction_timeout
  '57P05': 'connection', // idle_session_timeout
  '26000': 'plan', // invalid_sql_statement_name: somebody dropped what we had prepared
  '42P05': 'plan', // duplicate_prepared_statement: somebody took our name
}

/** The SQLSTATE of a server's error, or undefined for one that the network or the client raised. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  return typeof code === 'string' && typeof severity === 'string' ? code : undefined
}

export function classify(error: unknown): Failure {
  if (isTenfoldError(error)) return 'statement'
  const state = sqlStateOf(error)
  if (state === undefined) return 'connection'
  const { severity, routine } = error as { severity?: unknown; routine?: unknown }
  // "cached plan must not change result type", in whichever language the server speaks.
  if (state === '0A000' && routine === 'RevalidateCachedQuery') return 'plan'
  // Fatal at log-in: the database refuses connections for now (ALTER DATABASE … ALLOW_CONNECTIONS false).
  if (state === '55000' && severity === 'FATAL') return 'connection'
  // As a mere ERROR, class 08 is a wrong number of parameters, or a foreign server's connection.
  if (state.startsWith('08') && severity !== 'FATAL' && severity !== 'PANIC') return 'statement'
  return BY_STATE[state] ?? (state.startsWith('08') ? 'connection' : 'statement')
}

/** What a failure on a session means. What only the client has raised, while the session lasts, is the statement's own fault. */
export function failureOn({ lost }: { readonly lost: Error | undefined }, error: unknown): Failure {
  if (lost) return 'connection'
  return sqlStateOf(error) === undefined ? 'statement' : classify(error)
}

/** States that say something of the session or of the load, and nothing of the server's role. */
const OF_THE_SESSION = new Set(['25P03', '25P04', '57P05', '53300'])

/**
 * A server was asked as a primary where its log stands, and is in recovery: a lone one, or whoever answers at an address, that has not
 * come up yet. It is asked again.
 */
export class InRecovery extends Error {
  constructor(cause: Error) {
    super(`The server is no primary at the moment: ${cause.message}`, { cause })
  }
}

/** Whether a position was refused for that. As an error of somebody's own statement it is his. */
export const meansRecovery = (error: unknown): boolean => sqlStateOf(error) === '55000'

/** Waited too long for a free session: the server has done nothing wrong. */
export class SessionsBusy extends Error {}

/** We have cut the session ourselves, because of what its server is now: that says nothing new of it. */
export class SessionCut extends Error {}

/** Whether a failure may mean that its server is gone, or is not what it was. */
export function meansLost(error: unknown): boolean {
  const state = sqlStateOf(error)
  return (
    classify(error) === 'connection' &&
    !(error instanceof SessionsBusy) &&
    !(error instanceof SessionCut) &&
    (state === undefined || !OF_THE_SESSION.has(state))
  )
}
