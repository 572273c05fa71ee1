import { isTenfoldError } from '../../core/errors.ts'
import { POSITION_SQL } from '../../core/position.ts'
import type { StatementResult } from '../connection/batch.ts'
import { classify, InRecovery, meansRecovery, sqlStateOf } from '../connection/failure.ts'
import { CopyLost, SENDS_MAX } from '../connection/lane.ts'
import { type Claim, placeOf, widen } from '../connection/span.ts'
import { isKnownFast, noteRun, type Statement } from '../connection/statements.ts'
import { DataUnavailable, DeadlineExceeded, ReadOnly } from '../errors.ts'
import { withinRequest } from './outcome.ts'
import { askCopy, fromCopies } from './read-copies.ts'
import { type ReadHandle, readHandle } from './read-handle.ts'
import { fallingBack, isTraced, mayLeavePrimary, shownByPrimary } from './read-place.ts'
import { type ReadEnvironment, type ReadOptions, readable, retrying } from './read-retry.ts'
import { Backoff, Deadline } from './retry.ts'
import { DEADLINE_MS, longer } from './settings.ts'
import { settled } from './settled.ts'
import { readSnapshot } from './snapshot.ts'
import { isOfOneServer, mayRead } from './statement-guard.ts'

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
  const run = (sql: string, params: readonly unknown[]) => runSingle(env, sql, params, deadline, options)
  return work(readHandle<Tables>(run))
}

async function runSingle(
  env: ReadEnvironment,
  sql: string,
  params: readonly unknown[],
  deadline: Deadline,
  options: ReadOptions,
): Promise<StatementResult> {
  const { cluster, context } = env
  options.signal?.throwIfAborted()
  const statement = cluster.statements.get(sql)
  const startedAt = cluster.clock.monotonic()
  try {
    if (!isKnownFast(statement)) {
      statement.mayRead ??= mayRead(sql)
      if (!statement.mayRead) throw new ReadOnly(sql)
    }
    if (mayLeavePrimary(env, options)) return await anywhere(env, statement, params, deadline, options)
    return await remembered(env, deadline, options, (trace) =>
      onPrimary(env, statement, params, deadline, { ...options, trace }),
    )
  } catch (error) {
    throw withinRequest(readable(error, sql, deadline), context)
  } finally {
    if (context) context.timing.dbMs += cluster.clock.monotonic() - startedAt
  }
}

/** On a replica that has reached what the session has seen; else on the primary, where there is room for few of these. */
async function anywhere(
  env: ReadEnvironment,
  statement: Statement,
  params: readonly unknown[],
  deadline: Deadline,
  options: ReadOptions,
): Promise<StatementResult> {
  statement.isOfOneServer ??= isOfOneServer(statement.text)
  const found = statement.isOfOneServer
    ? 'refused'
    : await fromCopies(env, deadline, (node, need) =>
        askCopy(env, node, { statement, params, need, deadline }),
      )
  if (typeof found !== 'string') return found.result
  options.signal?.throwIfAborted()
  // Before it takes one of the few places there.
  await settled(env, deadline, { own: true, signal: options.signal })
  return fallingBack(env, deadline, { why: found, signal: options.signal }, () =>
    remembered(env, deadline, options, (trace) =>
      onPrimary(env, statement, params, deadline, { ...options, trace }),
    ),
  )
}

interface PrimaryOptions extends ReadOptions {
  readonly trace?: Claim | undefined
}

/** The primary shows a session what copies have shown it; and what it shows counts, wherever a copy may answer it next. */
async function remembered<R>(
  env: ReadEnvironment,
  deadline: Deadline,
  options: ReadOptions,
  work: (trace: Claim | undefined) => Promise<R>,
): Promise<R> {
  const trace: Claim | undefined = isTraced(env, options) ? { need: undefined } : undefined
  if (trace) await settled(env, deadline, { own: true, signal: options.signal })
  const result = await work(trace)
  shownByPrimary(env, trace?.upto)
  return result
}

async function onPrimary(
  env: ReadEnvironment,
  statement: Statement,
  params: readonly unknown[],
  deadline: Deadline,
  options: PrimaryOptions,
): Promise<StatementResult> {
  if (isKnownFast(statement)) {
    const rows = await runShared(env, statement, params, deadline, options)
    if (rows) return { rows, tag: '' }
    statement.mayRead ??= mayRead(statement.text)
    if (!statement.mayRead) throw new ReadOnly(statement.text)
  }
  return runExclusive(env, statement, params, deadline, options)
}

/** In the primary's lane. @returns nothing when the statement has turned out to have no place there */
async function runShared(
  env: ReadEnvironment,
  statement: Statement,
  params: readonly unknown[],
  deadline: Deadline,
  { signal, span, trace }: PrimaryOptions,
): Promise<Record<string, unknown>[] | undefined> {
  const { cluster, random } = env
  let backoff: Backoff | undefined
  for (let sends = 0; ; ) {
    const node =
      cluster.primaryNow ??
      (await cluster.primary(deadline.leftMs).catch((error: unknown) => {
        throw isTenfoldError(error) ? error : new DataUnavailable(cluster.name, 'not applied', error)
      }))
    try {
      return await node.lane.query(statement, params, deadline.leftMs, span, trace)
    } catch (error) {
      if (error instanceof CopyLost) {
        if (error.cause) cluster.failed(node, error.cause)
        if (error.wasSent) sends++
        if (deadline.passed || sends >= SENDS_MAX)
          throw new DataUnavailable(cluster.name, 'not applied', error.cause)
        backoff ??= new Backoff(cluster.clock, random)
        await backoff.pause(deadline, signal)
        continue
      }
      // In an outage it is the server that has not answered.
      if (error instanceof DeadlineExceeded && cluster.primaryNow !== node)
        throw new DataUnavailable(cluster.name, 'not applied', error)
      // Too slow for the lane, or refused by concurrency control, which asks for pauses between attempts.
      if (sqlStateOf(error) !== '57014' && classify(error) !== 'serialization') throw error
      statement.fastRuns = 0
      return undefined
    }
  }
}

/** A statement that is not known to be fast runs in a session of its own, so that it holds nobody up. */
async function runExclusive(
  env: ReadEnvironment,
  statement: Statement,
  params: readonly unknown[],
  deadline: Deadline,
  { signal, span, trace }: PrimaryOptions,
): Promise<StatementResult> {
  const { cluster } = env
  const position = (span || trace) && { statement: cluster.statements.get(POSITION_SQL), params: [] }
  return retrying(env, deadline, signal, async (connection) => {
    const sentAt = cluster.clock.monotonic()
    const items = longer(cluster.statements, deadline.ms, ['statement_timeout'])
    if (position) items.push(position)
    const at = items.push({ statement, params }) - 1
    if (position) items.push(position)
    const { failure, results } = await connection.run(items)
    if (failure)
      throw position && results.length !== at && meansRecovery(failure) ? new InRecovery(failure) : failure
    noteRun(statement, cluster.clock.monotonic() - sentAt)
    if (span) widen(span, results[at - 1], results[at + 1])
    if (trace) trace.upto = placeOf(connection, results[at + 1])
    return results[at] as StatementResult
  })
}
