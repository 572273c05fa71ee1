import type { Position } from '../../core/position.ts'
import type { StatementResult } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import { classify, sqlStateOf } from '../connection/failure.ts'
import { type Claim, isCovered, placeOf, reaches } from '../connection/span.ts'
import { HandleClosed, ReadOnly } from '../errors.ts'
import type { DataNode } from './node.ts'
import { CopyRefused, fromCopies, inSession, judged, type Outcome } from './read-copies.ts'
import { type ReadHandle, type RunStatement, readHandle } from './read-handle.ts'
import { fallingBack, mayLeavePrimary } from './read-place.ts'
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
  const { cluster } = env
  const deadline = new Deadline(cluster.clock, options.deadlineMs ?? DEADLINE_MS)
  const onPrimary = (): Promise<Shown<R>> =>
    retrying(env, deadline, options.signal, (connection, node) =>
      transact(env, node, connection, deadline, work),
    )
  if (!mayLeavePrimary(env, options)) return (await onPrimary()).result
  const found = await fromCopies(env, deadline, (node, need) =>
    inSession(env, node, deadline, (connection) => onCopy(env, node, connection, { deadline, need }, work)),
  )
  options.signal?.throwIfAborted()
  if (typeof found !== 'string') {
    if (found.result.thrown) throw found.result.thrown.error
    return found.result.result as R
  }
  return fallingBack(env, deadline, found, async () => {
    const { result, upto } = await onPrimary()
    if (upto) env.context?.seen?.answered(cluster.name, upto, true)
    return result
  })
}

/** What a snapshot gave, and the place in the log beyond which it showed nothing. */
interface Shown<R> {
  readonly result: R
  readonly upto: Position | undefined
}

/** A replica has to be far enough before the snapshot is taken: it is asked in a round trip of its own. */
async function onCopy<Tables, R>(
  env: ReadEnvironment,
  node: DataNode,
  connection: Connection,
  { deadline, need }: { readonly deadline: Deadline; readonly need: Position },
  work: (db: ReadHandle<Tables>) => Promise<R>,
): Promise<Outcome<{ result?: R; thrown?: { error: unknown } }>> {
  const claim: Claim = { need }
  if (!isCovered(claim, connection.replayed)) {
    const asked = await connection.run([{ statement: node.position(), params: [] }])
    if (asked.failure) throw asked.failure
    placeOf(connection, asked.results[0])
  }
  claim.from = connection.replayed
  if (claim.from && !reaches(claim.from, need)) return { is: 'behind' }
  try {
    const { result, upto } = await transact(env, node, connection, deadline, work)
    return judged(env, node, { ...claim, upto }, { result })
  } catch (error) {
    if (connection.lost || error instanceof CopyRefused || classify(error) === 'serialization') throw error
    // The work's own: no other server makes it better.
    return judged(env, node, { ...claim, upto: claim.from }, { thrown: { error } })
  }
}

async function transact<Tables, R>(
  env: ReadEnvironment,
  node: DataNode,
  connection: Connection,
  deadline: Deadline,
  work: (db: ReadHandle<Tables>) => Promise<R>,
): Promise<Shown<R>> {
  const { cluster, context } = env
  const { statements } = cluster
  const placed = cluster.isWatched
  // The first query fixes the snapshot; from then on the transaction cannot be made read-write.
  const begun = await connection.run([
    { statement: statements.get('begin isolation level repeatable read read only'), params: [] },
    ...longer(statements, deadline, TIMEOUTS),
    { statement: placed ? node.position() : statements.get('select 1'), params: [] },
  ])
  if (begun.failure) throw begun.failure
  const upto = placed ? placeOf(connection, begun.results.at(-1)) : undefined
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
    return { result, upto }
  } catch (error) {
    if (again()) throw failure
    if (failure !== undefined && node.isReplica) throw new CopyRefused('', { cause: failure })
    throw error
  } finally {
    open = false
    if (!connection.lost) await connection.run([{ statement: statements.get('rollback'), params: [] }])
  }
}
