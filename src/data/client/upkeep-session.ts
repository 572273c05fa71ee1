import type { SystemStatement, UpkeepSession, UpkeepSessions } from '../../core/ports.ts'
import { Connection } from '../connection/connection.ts'
import { classify } from '../connection/failure.ts'
import { KnownServer } from '../connection/session-settings.ts'
import { Statements } from '../connection/statements.ts'
import { DataUnavailable } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import { IN_TIME_SQL, placeInTime } from './in-time.ts'
import type { DataNode } from './node.ts'
import { COMMON } from './settings.ts'
import type { ClusterOptions } from './types.ts'

/** Milliseconds that a round trip of upkeep may take. */
const STATEMENT_MS = 10_000
const SETTINGS = {
  ...COMMON,
  synchronous_commit: 'on',
  statement_timeout: String(STATEMENT_MS),
  transaction_timeout: String(STATEMENT_MS),
}
/** Milliseconds to find the primary, and as many to connect with it. */
const CONNECT_MS = 5_000
/** Cancels a statement that no server answers any more; the server's own limit strikes first. */
const SILENCE_MS = STATEMENT_MS + 2_000

/** Where the primaries are; the data client knows. */
export interface Primaries {
  cluster(name: string): Cluster
}

/**
 * Sessions of their own for the parts of the platform that work all the time.
 * @param primaries they follow the primary; without it each is at the cluster's `connection`
 */
export function upkeepSessions(
  clusters: readonly ClusterOptions[],
  timer: (ms: number, run: () => void) => { cancel(): void },
  primaries?: Primaries,
): UpkeepSessions {
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]))
  return {
    clusters: clusters.map(({ name }) => name),
    open: (cluster, purpose, { asynchronous = false } = {}) =>
      new Session(
        byName.get(cluster) as ClusterOptions,
        { purpose, asynchronous },
        timer,
        primaries?.cluster(cluster),
      ),
  }
}

class Session implements UpkeepSession {
  readonly #options: ClusterOptions
  readonly #how: { readonly purpose: string; readonly asynchronous: boolean }
  readonly #timer: (ms: number, run: () => void) => { cancel(): void }
  readonly #statements = new Statements()
  readonly #server = new KnownServer()
  #connection: Connection | undefined
  #opening: Opening | undefined
  #closed = false
  generation = 0
  readonly #cluster: Cluster | undefined
  /** Where the present session is. */
  #node: DataNode | undefined
  readonly #unfollow: () => void

  constructor(
    options: ClusterOptions,
    how: { readonly purpose: string; readonly asynchronous: boolean },
    timer: (ms: number, run: () => void) => { cancel(): void },
    cluster: Cluster | undefined,
  ) {
    this.#options = options
    this.#how = how
    this.#timer = timer
    this.#cluster = cluster
    this.#unfollow = cluster?.onPrimary(() => this.#leave(cluster)) ?? (() => {})
  }

  /** Another is the primary: what was asked of the old one may never be answered. */
  #leave(cluster: Cluster): void {
    const primary = cluster.primaryNow
    if (primary === undefined || primary === this.#node || this.#node === undefined) return
    this.#opening?.over.abort(new Error(`${this.#node.id} is not the primary any more`))
    this.#connection?.destroy(new Error(`${this.#node.id} is not the primary any more`))
  }

  async run(statements: readonly SystemStatement[]): Promise<Record<string, unknown>[][]> {
    const connection = await this.#connected()
    const silent = this.#timer(SILENCE_MS, () => connection.destroy(new Error('No answer in time')))
    const items = statements.map(({ sql, params = [] }) => ({ statement: this.#statements.get(sql), params }))
    const checkAt = connection.limitsTransactions ? undefined : placeInTime(statements)
    if (checkAt !== undefined)
      items.splice(checkAt, 0, { statement: this.#statements.get(IN_TIME_SQL), params: [STATEMENT_MS] })
    const batch = await connection.run(items)
    const isOpen = batch.failure && statements.some(({ sql }) => sql === 'begin')
    if (batch.failure && classify(batch.failure) === 'connection') this.#lost(connection, batch.failure)
    // An explicit transaction is still open after its failure, and the session has to be usable.
    else if (isOpen) await connection.run([{ statement: this.#statements.get('rollback'), params: [] }])
    silent.cancel()
    if (batch.failure) throw batch.failure
    return batch.results.map(({ rows }) => rows).filter((_, at) => at !== checkAt)
  }

  isTransient(error: unknown): boolean {
    return error instanceof DataUnavailable || classify(error) !== 'statement'
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#unfollow()
    this.#opening?.over.abort(new Error(`The ${this.#how.purpose} session is closed`))
    await this.#opening?.made.catch(() => {})
    const connection = this.#connection
    if (!connection) return
    const cut = this.#timer(500, () => connection.destroy())
    await connection.close()
    cut.cancel()
  }

  async #connected(): Promise<Connection> {
    if (this.#closed) throw new Error(`The ${this.#how.purpose} session is closed`)
    if (this.#connection && !this.#connection.lost) return this.#connection
    this.#opening ??= this.#begin()
    return this.#opening.made
  }

  #begin(): Opening {
    const over = new AbortController()
    const made = this.#open(over.signal).finally(() => {
      this.#opening = undefined
    })
    return { over, made }
  }

  async #open(signal: AbortSignal): Promise<Connection> {
    const node = this.#cluster && (await unlessAborted(this.#cluster.primary(CONNECT_MS), signal))
    this.#node = node
    const options = node?.connection ?? this.#options.connection
    const path = options.user === 'tenfold' ? { search_path: 'public' } : {}
    const commits = this.#how.asynchronous ? { synchronous_commit: 'off' } : {}
    try {
      const settings = { ...SETTINGS, ...commits, ...path }
      const connection = await Connection.open(options, settings, {
        timeoutMs: CONNECT_MS,
        server: this.#server,
        signal,
      })
      this.#connection = connection
      this.generation++
      return connection
    } catch (error) {
      if (node) this.#cluster?.failed(node, error)
      throw error
    }
  }

  #lost(connection: Connection, failure: Error): void {
    connection.destroy(failure)
    if (this.#node) this.#cluster?.failed(this.#node, failure)
  }
}

function unlessAborted<R>(work: Promise<R>, signal: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}

interface Opening {
  readonly made: Promise<Connection>
  readonly over: AbortController
}
