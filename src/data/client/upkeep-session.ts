import type { SystemStatement, UpkeepSession, UpkeepSessions } from '../../core/ports.ts'
import { Connection } from '../connection/connection.ts'
import { classify } from '../connection/failure.ts'
import { KnownServer } from '../connection/session-settings.ts'
import { Statements } from '../connection/statements.ts'
import { COMMON } from './cluster.ts'
import { IN_TIME_SQL, placeInTime } from './in-time.ts'
import type { ClusterOptions } from './types.ts'

/** Milliseconds that a round trip of upkeep may take. */
const STATEMENT_MS = 10_000
const SETTINGS = {
  ...COMMON,
  synchronous_commit: 'on',
  statement_timeout: String(STATEMENT_MS),
  transaction_timeout: String(STATEMENT_MS),
}
/** Cancels a statement that no server answers any more; the server's own limit strikes first. */
const SILENCE_MS = STATEMENT_MS + 2_000

/** Sessions of their own for the parts of the platform that work all the time. */
export function upkeepSessions(
  clusters: readonly ClusterOptions[],
  timer: (ms: number, run: () => void) => { cancel(): void },
): UpkeepSessions {
  const byName = new Map(clusters.map((cluster) => [cluster.name, cluster]))
  return {
    clusters: clusters.map(({ name }) => name),
    open: (cluster, purpose, { asynchronous = false } = {}) =>
      new Session(byName.get(cluster) as ClusterOptions, { purpose, asynchronous }, timer),
  }
}

class Session implements UpkeepSession {
  readonly #options: ClusterOptions
  readonly #how: { readonly purpose: string; readonly asynchronous: boolean }
  readonly #timer: (ms: number, run: () => void) => { cancel(): void }
  readonly #statements = new Statements()
  readonly #server = new KnownServer()
  #connection: Connection | undefined
  #opening: Promise<Connection> | undefined
  #closed = false
  generation = 0

  constructor(
    options: ClusterOptions,
    how: { readonly purpose: string; readonly asynchronous: boolean },
    timer: (ms: number, run: () => void) => { cancel(): void },
  ) {
    this.#options = options
    this.#how = how
    this.#timer = timer
  }

  async run(statements: readonly SystemStatement[]): Promise<Record<string, unknown>[][]> {
    const connection = await this.#connected()
    const silent = this.#timer(SILENCE_MS, () => connection.destroy(new Error('No answer in time')))
    const items = statements.map(({ sql, params = [] }) => ({ statement: this.#statements.get(sql), params }))
    const checkAt = connection.limitsTransactions ? undefined : placeInTime(statements)
    if (checkAt !== undefined)
      items.splice(checkAt, 0, { statement: this.#statements.get(IN_TIME_SQL), params: [STATEMENT_MS] })
    const batch = await connection.run(items)
    silent.cancel()
    if (batch.failure) {
      if (classify(batch.failure) === 'connection') connection.destroy(batch.failure)
      // An explicit transaction is still open after its failure, and the session has to be usable.
      else if (statements.some(({ sql }) => sql === 'begin'))
        await connection.run([{ statement: this.#statements.get('rollback'), params: [] }])
      throw batch.failure
    }
    return batch.results.map(({ rows }) => rows).filter((_, at) => at !== checkAt)
  }

  isTransient(error: unknown): boolean {
    return classify(error) !== 'statement'
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#opening?.catch(() => {})
    const connection = this.#connection
    if (!connection) return
    const cut = this.#timer(500, () => connection.destroy())
    await connection.close()
    cut.cancel()
  }

  async #connected(): Promise<Connection> {
    if (this.#closed) throw new Error(`The ${this.#how.purpose} session is closed`)
    if (this.#connection && !this.#connection.lost) return this.#connection
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    return this.#opening
  }

  async #open(): Promise<Connection> {
    const { connection: options } = this.#options
    const path = options.user === 'tenfold' ? { search_path: 'public' } : {}
    const commits = this.#how.asynchronous ? { synchronous_commit: 'off' } : {}
    const connection = await Connection.open(
      options,
      { ...SETTINGS, ...commits, ...path },
      { server: this.#server },
    )
    this.#connection = connection
    this.generation++
    return connection
  }
}
