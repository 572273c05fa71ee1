import type { Queryable } from '../../core/ports.ts'
import type { RandomSource } from '../../core/random.ts'
import type { Connection } from '../connection/connection.ts'
import { classify, sqlStateOf } from '../connection/failure.ts'
import { DataUnavailable } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import type { DataNode } from './node.ts'
import { publicFailure } from './public-failure.ts'
import { Backoff, Deadline } from './retry.ts'
import { DEADLINE_MS } from './settings.ts'
import { Transaction } from './transaction.ts'

interface ApplyEnvironment {
  /** The cluster to go to, asked before each attempt. */
  route(): Cluster
  readonly random: RandomSource
  refresh(): Promise<void>
}

/**
 * A transaction without a marker: after a lost connection it runs again, though it may have committed. Only
 * for statements that may be applied again without harm.
 *
 * @param fence the parameters of `tenfold.enter`, or nothing for work that is in no bucket
 */
export async function applyUnmarked<R>(
  env: ApplyEnvironment,
  fence: (() => readonly unknown[]) | undefined,
  work: (tx: Queryable) => Promise<R>,
): Promise<R> {
  const clock = env.route().clock
  const deadline = new Deadline(clock, DEADLINE_MS)
  const backoff = new Backoff(clock, env.random)
  for (;;) {
    const cluster = env.route()
    let node: DataNode | undefined
    let connection: Connection | undefined
    const cut = clock.timer(Math.max(1, deadline.leftMs), () =>
      connection?.destroy(new Error('No answer within the deadline')),
    )
    try {
      node = await cluster.primary(deadline.leftMs)
      connection = await node.writers.acquire(deadline.leftMs)
      return await attempt(connection, cluster, fence, work)
    } catch (error) {
      const kind =
        connection && !connection.lost && sqlStateOf(error) === undefined ? 'statement' : classify(error)
      if (kind === 'statement') throw publicFailure(error as Error)
      if (deadline.passed) throw new DataUnavailable(cluster.name, 'outcome unknown', error)
      if (kind === 'connection') connection?.destroy(error as Error)
      if (node) cluster.failed(node, connection?.lost ?? error)
      if (kind === 'stale') await env.refresh().catch(() => {}) // not reachable: the next attempt will say so
      await backoff.pause(deadline)
    } finally {
      cut.cancel()
      if (connection) node?.writers.release(connection)
    }
  }
}

async function attempt<R>(
  connection: Connection,
  cluster: Cluster,
  fence: (() => readonly unknown[]) | undefined,
  work: (tx: Queryable) => Promise<R>,
): Promise<R> {
  const sql = (text: string, params: readonly unknown[] = []) => ({
    statement: cluster.statements.get(text),
    params,
  })
  const tx = new Transaction('', cluster.name, connection, cluster.statements)
  let done = false
  try {
    const begun = await connection.run([
      sql('begin'),
      ...(fence ? [sql('select tenfold.enter($1, $2, $3)', fence())] : []),
    ])
    if (begun.failure) throw begun.failure
    const result = await work(tx)
    tx.end()
    connection.takeSyncWaitCancelled() // a warning before COMMIT is no word on it
    const committed = await connection.run([sql('commit')])
    if (committed.failure) throw committed.failure
    if (connection.takeSyncWaitCancelled())
      connection.destroy(new Error('The synchronous wait of COMMIT was cancelled'))
    if (connection.lost) throw connection.lost
    if (committed.results[0]?.tag !== 'COMMIT')
      throw tx.failure ?? new Error('The transaction was rolled back')
    done = true
    return result
  } finally {
    tx.end()
    if (!done && !connection.lost) await connection.run([sql('rollback')])
  }
}
