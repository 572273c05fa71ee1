import type { Queryable, SystemStatement } from '../../core/ports.ts'
import type { RandomSource } from '../../core/random.ts'
import type { Batch, BatchItem } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import { classify, failureOn } from '../connection/failure.ts'
import type { Statements } from '../connection/statements.ts'
import { DataUnavailable } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import type { DataNode } from './node.ts'
import { Opening } from './opening.ts'
import { publicFailure } from './public-failure.ts'
import { Backoff, Deadline } from './retry.ts'
import { DEADLINE_MS } from './settings.ts'
import { Transaction } from './transaction.ts'

export interface ApplyEnvironment {
  /** The cluster to go to, asked before each attempt. */
  route(): Cluster
  readonly random: RandomSource
  refresh(): Promise<void>
  /** Of all attempts together. @defaultValue {@link DEADLINE_MS} from now on */
  readonly deadline?: Deadline
  /** It stands for calls that were let in: it is not refused for others that wait for the primary. @defaultValue false */
  readonly admitted?: boolean
}

/** The parameters of `tenfold.enter`, asked for before each run. */
export type Fence = () => readonly unknown[]

/** A whole transaction on a session of its own. @throws the failure; the session is usable again, or lost */
export type Transact<R> = (connection: Connection, cluster: Cluster) => Promise<R>

/**
 * A transaction without a marker: after a lost connection it runs again, though it may have committed. Only
 * for statements that may be applied again without harm.
 */
export async function applyUnmarked<R>(env: ApplyEnvironment, transact: Transact<R>): Promise<R> {
  const clock = env.route().clock
  const deadline = env.deadline ?? new Deadline(clock, DEADLINE_MS)
  const backoff = new Backoff(clock, env.random)
  for (;;) {
    const cluster = env.route()
    let node: DataNode | undefined
    let connection: Connection | undefined
    const cut = clock.timer(Math.max(1, deadline.leftMs), () =>
      connection?.destroy(new Error('No answer within the deadline')),
    )
    try {
      node = await cluster.primary(deadline.leftMs, env.admitted)
      connection = await node.writers.acquire(deadline.leftMs)
      return await transact(connection, cluster)
    } catch (error) {
      const kind = connection && !connection.lost ? failureOn(connection, error) : classify(error)
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

/** Statements and the bucket that they are let into. */
export interface Fenced {
  readonly fence: Fence
  readonly statements: readonly SystemStatement[]
}

/** All of all in one transaction and one round trip. Resolves with the rows of each statement of each. */
export function inOneTrip(all: readonly Fenced[]): Transact<unknown[][][]> {
  return async (connection, { statements: known }) => {
    connection.takeSyncWaitCancelled() // a warning before is no word on this commit
    const items = all.flatMap(({ fence, statements }) => [entering(fence), ...statements])
    const batch = await send(connection, known, [{ sql: 'begin' }, ...items, { sql: 'commit' }])
    if (batch.failure && !connection.lost) await rollback(connection, known)
    if (batch.failure) throw batch.failure
    checkCommit(connection, batch)
    let at = 1
    return all.map(({ statements }) => {
      const from = at + 1
      at = from + statements.length
      return batch.results.slice(from, at).map(({ rows }) => rows)
    })
  }
}

/** Begin, what `work` sends, commit. Without a fence for what is in no bucket. */
export function conversing<R>(work: (tx: Queryable) => Promise<R>, fence?: Fence): Transact<R> {
  return async (connection, { name, statements }) => {
    const opening = new Opening(connection, itemsOf(statements, begin(fence)))
    const tx = new Transaction('', name, opening, statements)
    let done = false
    try {
      const result = await work(tx)
      tx.end()
      connection.takeSyncWaitCancelled()
      const committed = await send(connection, statements, [{ sql: 'commit' }])
      if (committed.failure) throw committed.failure
      checkCommit(connection, committed, tx.failure)
      done = true
      return result
    } finally {
      tx.end()
      if (!done && !connection.lost) await rollback(connection, statements)
    }
  }
}

/** Only the command tag COMMIT, and a synchronous wait that was not cut short, mean that it is committed. */
function checkCommit(connection: Connection, { results }: Batch, failure?: Error): void {
  if (connection.takeSyncWaitCancelled())
    connection.destroy(new Error('The synchronous wait of COMMIT was cancelled'))
  if (connection.lost) throw connection.lost
  if (results.at(-1)?.tag !== 'COMMIT') throw failure ?? new Error('The transaction was rolled back')
}

const begin = (fence: Fence | undefined): SystemStatement[] => [
  { sql: 'begin' },
  ...(fence ? [entering(fence)] : []),
]

const entering = (fence: Fence): SystemStatement => ({
  sql: 'select tenfold.enter($1, $2, $3)',
  params: fence(),
})

const rollback = (connection: Connection, statements: Statements): Promise<Batch> =>
  send(connection, statements, [{ sql: 'rollback' }])

const send = (connection: Connection, known: Statements, items: readonly SystemStatement[]): Promise<Batch> =>
  connection.run(itemsOf(known, items))

const itemsOf = (known: Statements, items: readonly SystemStatement[]): BatchItem[] =>
  items.map(({ sql, params = [] }) => ({ statement: known.get(sql), params }))
