import type { StatementResult } from '../connection/batch.ts'
import { classify, sqlStateOf } from '../connection/failure.ts'
import { HandleClosed, ReadOnly } from '../errors.ts'
import { type ReadHandle, type RunStatement, readHandle } from './read-handle.ts'
import { type ReadEnvironment, type ReadOptions, readable, retrying } from './read-retry.ts'
import { Deadline } from './retry.ts'
import { DEADLINE_MS, longer } from './settings.ts'
import { mayRead } from './statement-guard.ts'

/** What ends a snapshot on the server. */
const TIMEOUTS = ['statement_timeout', 'idle_in_transaction_session_timeout']

/** All queries of `work` in one REPEATABLE READ transaction; lost with its session, `work` runs again. */
export async function readSnapshot<Tables, R>(
  env: ReadEnvironment,
  work: (db: ReadHandle<Tables>) => Promise<R>,
  options: ReadOptions,
): Promise<R> {
  const { cluster, context } = env
  const deadline = new Deadline(cluster.clock, options.deadlineMs ?? DEADLINE_MS)
  const { statements } = cluster
  return retrying(env, deadline, options.signal, async (connection) => {
    // The first query fixes the snapshot; from then on the transaction cannot be made read-write.
    const begun = await connection.run([
      { statement: statements.get('begin isolation level repeatable read read only'), params: [] },
      ...longer(statements, deadline, TIMEOUTS),
      { statement: statements.get('select 1'), params: [] },
    ])
    if (begun.failure) throw begun.failure
    let open = true
    let failure: unknown
    const run: RunStatement = async (sql, params) => {
      if (!open) throw new HandleClosed('A snapshot read')
      if (!mayRead(sql)) throw new ReadOnly(sql)
      const sentAt = cluster.clock.monotonic()
      const batch = await connection.run([{ statement: statements.get(sql), params }])
      if (context) context.timing.dbMs += cluster.clock.monotonic() - sentAt
      if (batch.failure) {
        failure ??= batch.failure
        throw readable(batch.failure, sql, deadline)
      }
      return batch.results[0] as StatementResult
    }
    const client = () => {
      if (!open) throw new HandleClosed('A snapshot read')
      return connection.raw
    }
    // A failure of the session or of concurrency control means "run again", whatever the work made of it.
    const again = () =>
      failure !== undefined && classify(failure) !== 'statement' && sqlStateOf(failure) !== '25006'
    try {
      const result = await work(readHandle<Tables>(run, client))
      if (again()) throw failure
      return result
    } catch (error) {
      throw again() ? failure : error
    } finally {
      open = false
      if (!connection.lost) await connection.run([{ statement: statements.get('rollback'), params: [] }])
    }
  })
}
