import type { RequestContext } from '../../core/context.ts'
import type { ReadSpan } from '../../core/ports.ts'
import type { RandomSource } from '../../core/random.ts'
import type { Connection } from '../connection/connection.ts'
import { classify, sqlStateOf } from '../connection/failure.ts'
import { DataUnavailable, DeadlineExceeded, ReadOnly } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import type { DataNode } from './node.ts'
import { publicFailure } from './public-failure.ts'
import { Backoff, type Deadline } from './retry.ts'

export interface ReadOptions {
  readonly snapshot?: boolean | undefined
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
  /** Where the read happened is noted here. */
  readonly span?: ReadSpan | undefined
  /** Something is decided by what it reads: only the primary may answer. @defaultValue false */
  readonly primary?: boolean | undefined
}

/** Everything a read needs from its surroundings. */
export interface ReadEnvironment {
  readonly cluster: Cluster
  readonly random: RandomSource
  readonly context: RequestContext | undefined
}

/** Runs `attempt` in a reading session of the primary until it succeeds, fails by its own fault, or time is up. */
export async function retrying<R>(
  { cluster, random }: ReadEnvironment,
  deadline: Deadline,
  signal: AbortSignal | undefined,
  attempt: (connection: Connection, node: DataNode) => Promise<R>,
): Promise<R> {
  const backoff = new Backoff(cluster.clock, random)
  for (;;) {
    let node: DataNode | undefined
    let connection: Connection | undefined
    // A silent peer must not hold the read longer than its deadline: the cut makes the statement fail.
    const cut = cluster.clock.timer(Math.max(deadline.leftMs, 1), () =>
      connection?.destroy(new Error('No answer within the deadline')),
    )
    try {
      node = await cluster.primary(deadline.leftMs)
      connection = await node.readers.acquire(deadline.leftMs)
      return await attempt(connection, node)
    } catch (error) {
      signal?.throwIfAborted()
      if (deadline.passed) throw new DataUnavailable(cluster.name, 'not applied', error)
      const kind = classify(error)
      if (
        kind === 'statement' ||
        sqlStateOf(error) === '25006' ||
        (error as { code?: string }).code?.startsWith('TENFOLD_')
      )
        throw error
      if (kind === 'connection') connection?.destroy(error as Error)
      if (node) cluster.failed(node, error)
      await backoff.pause(deadline, signal)
    } finally {
      cut.cancel()
      if (connection) node?.readers.release(connection)
    }
  }
}

/** Turns what PostgreSQL says into what the caller of a read can act on. */
export function readable(error: unknown, sql: string, deadline: Deadline): unknown {
  switch (sqlStateOf(error)) {
    case '25006':
      return new ReadOnly(sql, error)
    case '57014':
      return new DeadlineExceeded('A read', deadline.ms, error)
    default:
      return publicFailure(error as Error)
  }
}
