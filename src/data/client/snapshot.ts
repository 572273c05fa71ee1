import type { Position } from '../../core/position.ts'
import type { StatementResult } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import { classify, InRecovery, meansRecovery, sqlStateOf } from '../connection/failure.ts'
import { type Claim, isCovered, placeOf, reaches } from '../connection/span.ts'
import { HandleClosed, ReadOnly } from '../errors.ts'
import type { DataNode } from './node.ts'
import { withinRequest } from './outcome.ts'
import { CopyRefused, fromCopies, inSession, judged, type Outcome } from './read-copies.ts'
import { type ReadHandle, type RunStatement, readHandle } from './read-handle.ts'
import { fallingBack, isTraced, mayLeavePrimary, shownByPrimary } from './read-place.ts'
import { type ReadEnvironment, type ReadOptions, readable, retrying } from './read-retry.ts'
import { Deadline } from './retry.ts'
import { DEADLINE_MS, longer } from './settings.ts'
import { settled } from './settled.ts'
import { mayRead } from './statement-guard.ts'

/** What ends a snapshot on the server. */
const TIMEOUTS = ['statement_timeout', 'idle_in_transaction_session_timeout']

/** All queries of `work` in one REPEATABLE READ transaction; lost with its session, `work` runs again. */
export function readSnapshot<Tables, R>(
  env: ReadEnvironment,
  work: (db: ReadHandle<Tables>) => Promise<R>,
  options: ReadOptions,
): Promise<R> {
  return snapshot(env, work, options).catch((error: unknown) => {
    throw withinRequest(error, env.context)
  })
}

async function snapshot<Tables, R>(
  env: ReadEnvironment,
  work: (db: ReadHandle<Tables>) => Promise<R>,
  options: ReadOptions,
): Promise<R> {
  const { cluster } = env
  const deadline = new Deadline(cluster.clock, options.deadlineMs ?? DEADLINE_MS)
  const onPrimary = async (): Promise<Shown<R>> => {
    if (isTraced(env, options)) await settled(env, deadline, { own: true, signal: options.signal })
    const shown = await retrying(env, deadline, options.signal, (connection, node) =>
      transact(env, node, connection, { deadline, isPlaced: isTraced(env, options) }, work),
    )
    shownByPrimary(env, shown.upto)
    return shown
  }
  if (!mayLeavePrimary(env, options)) return given(await onPrimary())
  const found = await fromCopies(env, deadline, (node, need) =>
    inSession(env, node, deadline, (connection) => onCopy(env, node, connection, { deadline, need }, work)),
  )
  options.signal?.throwIfAborted()
  if (typeof found !== 'string') return given(found.result)
  await settled(env, deadline, { own: true, signal: options.signal })
  return fallingBack(env, deadline, { why: found, signal: options.signal }, async () =>
    given(await onPrimary()),
  )
}

/** What a snapshot gave, and the place in the log beyond which it showed nothing. */
interface Shown<R> {
  readonly result?: R
  /** What the work has thrown on its own account: no other server, and no other attempt, makes it better. */
  readonly thrown?: { readonly error: unknown }
  readonly upto: Position | undefined
}

function given<R>({ thrown, result }: Shown<R>): R {
  if (thrown) throw thrown.error
  return result as R
}

/** A replica has to be far enough before the snapshot is taken: it is asked in a round trip of its own. */
async function onCopy<Tables, R>(
  env: ReadEnvironment,
  node: DataNode,
  connection: Connection,
  { deadline, need }: { readonly deadline: Deadline; readonly need: Position },
  work: (db: ReadHandle<Tables>) => Promise<R>,
): Promise<Outcome<Shown<R>>> {
  const claim: Claim = { need }
  if (!isCovered(claim, connection.replayed)) {
    const asked = await connection.run([{ statement: node.position(), params: [] }])
    if (asked.failure) throw asked.failure
    placeOf(connection, asked.results[0])
  }
  claim.from = connection.replayed
  if (claim.from && !reaches(claim.from, need)) return { is: 'behind' }
  const shown = await transact(env, node, connection, { deadline, isPlaced: true }, work)
  return judged(env, node, { ...claim, upto: shown.upto }, shown)
}

async function transact<Tables, R>(
  env: ReadEnvironment,
  node: DataNode,
  connection: Connection,
  { deadline, isPlaced }: { readonly deadline: Deadline; readonly isPlaced: boolean },
  work: (db: ReadHandle<Tables>) => Promise<R>,
): Promise<Shown<R>> {
  const { cluster, context } = env
  const { statements } = cluster
  // The first query fixes the snapshot; from then on the transaction cannot be made read-write.
  const begun = await connection.run([
    { statement: statements.get('begin isolation level repeatable read read only'), params: [] },
    ...longer(statements, deadline.ms, TIMEOUTS),
    { statement: isPlaced ? node.position() : statements.get('select 1'), params: [] },
  ])
  if (begun.failure) throw meansRecovery(begun.failure) ? new InRecovery(begun.failure) : begun.failure
  const upto = isPlaced ? placeOf(connection, begun.results.at(-1)) : undefined
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
    if (connection.lost) throw connection.lost
    if (failure !== undefined && node.isReplica) throw new CopyRefused('', { cause: failure })
    // Of `pg`'s own client.
    if (sqlStateOf(error) !== undefined && classify(error) !== 'statement') throw error
    return { thrown: { error }, upto }
  } finally {
    open = false
    if (!connection.lost) await connection.run([{ statement: statements.get('rollback'), params: [] }])
  }
}
