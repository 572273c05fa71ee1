import type { StatementResult } from '../connection/batch.ts'
import { classify, sqlStateOf } from '../connection/failure.ts'
import { isKnownFast, noteRun, type Statement } from '../connection/statements.ts'
import { ReadOnly } from '../errors.ts'
import { DEADLINE_MS, longer } from './cluster.ts'
import { type ReadHandle, readHandle } from './read-handle.ts'
import { type ReadEnvironment, type ReadOptions, readable, retrying } from './read-retry.ts'
import { Deadline } from './retry.ts'
import { readSnapshot } from './snapshot.ts'
import { mayRead } from './statement-guard.ts'

/**
 * Runs `work` with a read-only handle. Each statement has a snapshot of its own and is sent again when its
 * connection is lost; with `snapshot`, all share one session and `work` runs again as a whole.
 */
export function read<Tables, R>(
  env: ReadEnvironment,
  work: (db: ReadHandle<Tables>) => Promise<R>,
  options: ReadOptions = {},
): Promise<R> {
  if (options.snapshot) return readSnapshot(env, work, options)
  const deadline = new Deadline(env.cluster.clock, options.deadlineMs ?? DEADLINE_MS)
  const run = (sql: string, params: readonly unknown[]) =>
    runSingle(env, sql, params, deadline, options.signal)
  return work(readHandle<Tables>(run))
}

async function runSingle(
  env: ReadEnvironment,
  sql: string,
  params: readonly unknown[],
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<StatementResult> {
  const { cluster, context } = env
  signal?.throwIfAborted()
  const statement = cluster.statements.get(sql)
  const startedAt = cluster.clock.monotonic()
  try {
    if (isKnownFast(statement)) {
      const rows = await runShared(env, statement, params, deadline)
      if (rows) return { rows, tag: '' }
    }
    statement.mayRead ??= mayRead(sql)
    if (!statement.mayRead) throw new ReadOnly(sql)
    return await runExclusive(env, statement, params, deadline, signal)
  } catch (error) {
    throw readable(error, sql, deadline)
  } finally {
    if (context) context.timing.dbMs += cluster.clock.monotonic() - startedAt
  }
}

/** In the lane. @returns nothing when the statement has turned out to have no place there */
async function runShared(
  { cluster }: ReadEnvironment,
  statement: Statement,
  params: readonly unknown[],
  deadline: Deadline,
): Promise<Record<string, unknown>[] | undefined> {
  try {
    return await cluster.lane.query(statement, params, deadline.leftMs)
  } catch (error) {
    // Too slow for the lane, or refused by concurrency control, which asks for pauses between attempts.
    if (sqlStateOf(error) !== '57014' && classify(error) !== 'serialization') throw error
    statement.fastRuns = 0
    return undefined
  }
}

/** A statement that is not known to be fast runs in a session of its own, so that it holds nobody up. */
async function runExclusive(
  env: ReadEnvironment,
  statement: Statement,
  params: readonly unknown[],
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<StatementResult> {
  const { cluster } = env
  return retrying(env, deadline, signal, async (connection) => {
    const sentAt = cluster.clock.monotonic()
    const batch = await connection.run([
      ...longer(cluster.statements, deadline, ['statement_timeout']),
      { statement, params },
    ])
    if (batch.failure) throw batch.failure
    noteRun(statement, cluster.clock.monotonic() - sentAt)
    return batch.results.at(-1) as StatementResult
  })
}
