import type { Kysely } from 'kysely'
import type { RequestContext } from '../../core/context.ts'
import type { RandomSource } from '../../core/random.ts'
import type { StatementResult } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import { classify, sqlStateOf } from '../connection/failure.ts'
import { isKnownFast, noteRun, type Statement } from '../connection/statements.ts'
import { DataUnavailable, DeadlineExceeded, HandleClosed, ReadOnly } from '../errors.ts'
import { type Cluster, DEADLINE_MS } from './cluster.ts'
import { kyselyOver } from './kysely.ts'
import { Backoff, Deadline } from './retry.ts'
import { mayRead } from './statement-guard.ts'

export interface ReadOptions {
  readonly snapshot?: boolean | undefined
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** What `work` of a read gets: Kysely with raw SQL beside it. */
export type ReadHandle<Tables> = Kysely<Tables> & {
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
}

/** Everything a read needs from its surroundings. */
export interface ReadEnvironment {
  readonly cluster: Cluster
  readonly random: RandomSource
  readonly context: RequestContext | undefined
}

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
  return work(handle<Tables>(run))
}

type Run = (sql: string, params: readonly unknown[]) => Promise<StatementResult>

/** Kysely is made only when it is used: a raw query should not pay for it. */
function handle<Tables>(run: Run): ReadHandle<Tables> {
  let kysely: Kysely<Tables> | undefined
  const query = async (sql: string, params: readonly unknown[] = []) => (await run(sql, params)).rows
  return new Proxy(query as never, {
    get: (_target, name) => {
      if (name === 'query') return query
      kysely ??= kyselyOver<Tables>(run)
      const member = kysely[name as keyof Kysely<Tables>] as unknown
      return typeof member === 'function' ? member.bind(kysely) : member
    },
  }) as ReadHandle<Tables>
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
    if (isKnownFast(statement))
      return { rows: await cluster.lane.query(statement, params, deadline.leftMs), tag: '' }
    statement.mayRead ??= mayRead(sql)
    if (!statement.mayRead) throw new ReadOnly(sql)
    return await runExclusive(env, statement, params, deadline, signal)
  } catch (error) {
    throw readable(error, sql, deadline)
  } finally {
    if (context) context.timing.dbMs += cluster.clock.monotonic() - startedAt
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
    const batch = await connection.run([{ statement, params }])
    if (batch.failure) throw batch.failure
    noteRun(statement, cluster.clock.monotonic() - sentAt)
    return batch.results[0] as StatementResult
  })
}

/** Runs `attempt` in a reading session until it succeeds, fails by its own fault, or time is up. */
async function retrying<R>(
  { cluster, random }: ReadEnvironment,
  deadline: Deadline,
  signal: AbortSignal | undefined,
  attempt: (connection: Connection) => Promise<R>,
): Promise<R> {
  const backoff = new Backoff(cluster.clock, random)
  for (;;) {
    let connection: Connection | undefined
    // A silent peer must not hold the read longer than its deadline: the cut makes the statement fail.
    const cut = cluster.clock.timer(Math.max(deadline.leftMs, 1), () =>
      connection?.destroy(new Error('No answer within the deadline')),
    )
    try {
      connection = await cluster.readers.acquire(deadline.leftMs)
      return await attempt(connection)
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
      await backoff.pause(deadline, signal)
    } finally {
      cut.cancel()
      if (connection) cluster.readers.release(connection)
    }
  }
}

async function readSnapshot<Tables, R>(
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
    const run: Run = async (sql, params) => {
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
    try {
      return await work(handle<Tables>(run))
    } catch (error) {
      // An error that came from a lost connection means "run again", whatever the work made of it.
      throw failure !== undefined && classify(failure) !== 'statement' && connection.lost ? failure : error
    } finally {
      open = false
      if (!connection.lost) await connection.run([{ statement: statements.get('rollback'), params: [] }])
    }
  })
}

/** Turns what PostgreSQL says into what the caller of a read can act on. */
function readable(error: unknown, sql: string, deadline: Deadline): unknown {
  switch (sqlStateOf(error)) {
    case '25006':
      return new ReadOnly(sql, error)
    case '57014':
      return new DeadlineExceeded('A read', deadline.ms, error)
    default:
      return error
  }
}
