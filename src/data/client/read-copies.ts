import type { Position } from '../../core/position.ts'
import type { BatchItem, StatementResult } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import { classify, sqlStateOf } from '../connection/failure.ts'
import { CopyLost } from '../connection/lane.ts'
import { type Claim, isCovered, placeOf, reaches } from '../connection/span.ts'
import { isKnownFast, noteRun, type Statement } from '../connection/statements.ts'
import { needOf } from '../routing/pick.ts'
import { REACH_MS_MAX } from './copies.ts'
import type { DataNode } from './node.ts'
import type { FallbackReason } from './read-metrics.ts'
import type { ReadEnvironment } from './read-retry.ts'
import type { Deadline } from './retry.ts'
import { longer } from './settings.ts'
import { isSettled } from './settled.ts'

/** Replicas that one read asks, at most. */
const ASKED_MAX = 4

/**
 * What became of a read on one replica.
 *
 * - `answered`: it had reached what was needed
 * - `behind`: it had not
 * - `lost`: no answer, or none that says where it was; another may know
 * - `slow`: the statement has no place in the lane
 * - `refused`: it failed. Only the primary's errors count: a replica may not have the table yet, or may have ended the
 *   statement for the sake of replay
 */
export type Outcome<R> =
  | { readonly is: 'answered'; readonly result: R; readonly upto: Position }
  | { readonly is: 'behind' | 'lost' | 'slow' | 'refused' }

/** A statement of a snapshot's work failed on a replica. */
export class CopyRefused extends Error {}

/**
 * Asks replicas, one after another, until one that has reached what the session has seen has answered.
 * @returns why the primary has to answer, if none did
 */
export async function fromCopies<R>(
  env: ReadEnvironment,
  deadline: Deadline,
  ask: (node: DataNode, need: Position) => Promise<Outcome<R>>,
): Promise<{ readonly result: R } | FallbackReason> {
  const { cluster, context } = env
  const { copies, metrics, name } = cluster
  const seen = context?.seen
  let waited = false
  for (let asked = 0; asked < ASKED_MAX && !deadline.passed; asked++) {
    const token = seen?.reached(name)
    const need = needOf(token, cluster.base)
    if (need === 'primary') {
      if (token && token.timeline > (cluster.base?.timeline ?? 0)) await cluster.seek(token.timeline)
      return 'token'
    }
    const node = copies.pick(need)
    if (node === undefined) return 'none'
    const outcome: Outcome<R> = copies.isPromising(node, need)
      ? await asking(node, () => ask(node, need))
      : { is: 'behind' }
    switch (outcome.is) {
      case 'answered':
        shownByCopy(env, outcome.upto)
        metrics.replica.value++
        return outcome
      case 'refused':
        return 'refused'
      case 'behind':
        if (waited) return 'behind'
        waited = true
        metrics.waits.value++
        if (!(await copies.positions.reach(need, REACH_MS_MAX))) return 'behind'
        break
      case 'lost':
        metrics.hedges.value++
        break
      case 'slow':
        break
    }
  }
  return 'behind'
}

/** Where the primary is known to show all of it, its reading counts at once: a token that says nothing new stays as it is. */
function shownByCopy(env: ReadEnvironment, upto: Position): void {
  const { cluster, context } = env
  cluster.copies.answered()
  context?.seen?.answered(cluster.name, upto, 'replica')
  isSettled(env, upto)
}

async function asking<R>(node: DataNode, ask: () => Promise<Outcome<R>>): Promise<Outcome<R>> {
  node.sent()
  try {
    return await ask()
  } finally {
    node.settled()
  }
}

/** One statement on one replica: in its lane when it is known to be fast, else in a session of its own. */
export async function askCopy(
  env: ReadEnvironment,
  node: DataNode,
  { statement, params, need, deadline }: { readonly need: Position; readonly deadline: Deadline } & BatchItem,
): Promise<Outcome<StatementResult>> {
  if (!isKnownFast(statement))
    return inSession(env, node, deadline, (connection) =>
      exclusive(env, node, connection, { statement, params, need, deadline }),
    )
  const claim: Claim = { need }
  try {
    const rows = await node.lane.query(statement, params, deadline.leftMs, undefined, claim)
    return judged(env, node, claim, { rows, tag: '' })
  } catch (error) {
    return failed(env, node, statement, error)
  }
}

async function exclusive(
  { cluster }: ReadEnvironment,
  node: DataNode,
  connection: Connection,
  { statement, params, need, deadline }: { readonly need: Position; readonly deadline: Deadline } & BatchItem,
): Promise<Outcome<StatementResult>> {
  const claim: Claim = { need }
  const items = longer(cluster.statements, deadline.ms, ['statement_timeout'])
  const position = { statement: node.position(), params: [] }
  const before = isCovered(claim, connection.replayed) ? -1 : items.push(position) - 1
  claim.from = connection.replayed
  const at = items.push({ statement, params }) - 1
  items.push(position)
  const sentAt = cluster.clock.monotonic()
  const { failure, results } = await connection.run(items)
  if (failure) throw failure
  noteRun(statement, cluster.clock.monotonic() - sentAt)
  if (before >= 0) claim.from = placeOf(connection, results[before])
  claim.upto = placeOf(connection, results[at + 1])
  return judged({ cluster }, node, claim, results[at] as StatementResult)
}

/** Runs `work` in a reading session of a replica, as long as that answers anything at all. */
export async function inSession<R>(
  env: Pick<ReadEnvironment, 'cluster'>,
  node: DataNode,
  deadline: Deadline,
  work: (connection: Connection) => Promise<Outcome<R>>,
): Promise<Outcome<R>> {
  const { clock } = env.cluster
  const gone = Promise.withResolvers<never>()
  gone.promise.catch(() => {})
  let connection: Connection | undefined
  const leave = (why: string): void => {
    const lost = new CopyLost(why)
    connection?.destroy(lost)
    gone.reject(lost)
  }
  const forget = node.onLate(() => leave(`${node.id} does not answer`))
  const cut = clock.timer(Math.max(deadline.leftMs, 1), () => leave('No answer within the deadline'))
  const acquiring = node.readers.acquire(deadline.leftMs)
  try {
    connection = await Promise.race([acquiring, gone.promise])
    return await work(connection)
  } catch (error) {
    // There is no time left for another.
    if (deadline.passed && sqlStateOf(error) === '57014') throw error
    if (connection && !(error instanceof CopyRefused) && classify(error) === 'connection')
      connection.destroy(error as Error)
    return failed(env, node, undefined, error)
  } finally {
    forget()
    cut.cancel()
    if (connection) node.readers.release(connection)
    else acquiring.then((late) => node.readers.release(late)).catch(() => {})
  }
}

/** Whether an answer may be given: the replica had to be far enough before the statement, and must say where it was after. */
export function judged<R>(
  { cluster }: Pick<ReadEnvironment, 'cluster'>,
  node: DataNode,
  { need, from, upto }: Claim,
  result: R,
): Outcome<R> {
  if (upto === undefined || from === undefined) {
    // It receives from nobody; or it is no replica any more, which need not be said of one that is known to be the primary.
    if (node.isReplica) cluster.failed(node, new Error(`${node.id} does not say where it is`))
    return { is: 'lost' }
  }
  if (need !== undefined && !reaches(from, need)) return { is: 'behind' }
  return { is: 'answered', result, upto }
}

function failed<R>(
  { cluster }: Pick<ReadEnvironment, 'cluster'>,
  node: DataNode,
  statement: Statement | undefined,
  error: unknown,
): Outcome<R> {
  if (error instanceof CopyLost) {
    // One that is late is asked already; what it said until now holds until it has answered, or was silent.
    if (!node.isLate && error.cause) cluster.failed(node, error.cause)
    return { is: 'lost' }
  }
  if (statement && sqlStateOf(error) === '57014') {
    statement.fastRuns = 0
    return { is: 'slow' }
  }
  if (error instanceof CopyRefused || classify(error) !== 'connection') return { is: 'refused' }
  cluster.failed(node, error)
  return { is: 'lost' }
}
