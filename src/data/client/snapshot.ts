import type { StatementResult } from '../connection/batch.ts'
import { classify } from '../connection/failure.ts'
import { HandleClosed, ReadOnly } from '../errors.ts'
import { DEADLINE_MS } from './cluster.ts'
import { type ReadHandle, type RunStatement, readHandle } from './read-handle.ts'
import { type ReadEnvironment, type ReadOptions, readable, retrying } from './read-retry.ts'
import { Deadline } from './retry.ts'
import { mayRead } from './statement-guard.ts'

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
    try {
      return await work(readHandle<Tables>(run, client))
    } catch (error) {
      // An error that came from a lost connection means "run again", whatever the work made of it.
      throw failure !== undefined && classify(failure) !== 'statement' && connection.lost ? failure : error
    } finally {
      open = false
      if (!connection.lost) await connection.run([{ statement: statements.get('rollback'), params: [] }])
    }
  })
}
