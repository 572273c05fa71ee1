import type { Kysely } from 'kysely'
import type pg from 'pg'
import type { Rider } from '../../core/rider.ts'
import type { StatementResult } from '../connection/batch.ts'
import type { Statements } from '../connection/statements.ts'
import { HandleClosed, StatementRefused } from '../errors.ts'
import { kyselyOver } from './kysely.ts'
import type { Session } from './opening.ts'
import { publicFailure } from './public-failure.ts'
import { mayWrite } from './statement-guard.ts'

/** What `work` of a write gets. */
export interface TxHandle<Tables> {
  /** `pg`'s own client on this transaction's session, for COPY and streams. Do not end the transaction on it. */
  readonly client: pg.Client
  readonly id: string
  readonly db: Kysely<Tables>
  query<Row>(sql: string, params?: readonly unknown[]): Promise<Row[]>
  /** Where it runs. */
  readonly cluster: string
  /** Adds what goes along with the commit of this run, once; see {@link Rider}. @throws HandleClosed */
  ride(rider: Rider): void
}

/** An open transaction on a session of its own, as its user sees it. */
export class Transaction<Tables> implements TxHandle<Tables> {
  readonly id: string
  readonly cluster: string
  readonly #session: Session
  readonly #statements: Statements
  #db: Kysely<Tables> | undefined
  #open = true
  /** The first failure of a statement; PostgreSQL has aborted the transaction with it. */
  failure: Error | undefined
  readonly riders: Rider[] = []

  constructor(id: string, cluster: string, session: Session, statements: Statements) {
    this.id = id
    this.cluster = cluster
    this.#session = session
    this.#statements = statements
  }

  get client(): pg.Client {
    if (!this.#open) throw new HandleClosed('A transaction')
    return this.#session.raw
  }

  get db(): Kysely<Tables> {
    this.#db ??= kyselyOver<Tables>((sql, params) => this.#run(sql, params))
    return this.#db
  }

  readonly query = async <Row>(sql: string, params: readonly unknown[] = []): Promise<Row[]> =>
    (await this.#run(sql, params)).rows as Row[]

  ride(rider: Rider): void {
    if (!this.#open) throw new HandleClosed('A transaction')
    if (!this.riders.includes(rider)) this.riders.push(rider)
  }

  /** From now on the handle refuses; statements that nobody awaited would otherwise reach another's session. */
  end(): void {
    this.#open = false
  }

  async #run(sql: string, params: readonly unknown[]): Promise<StatementResult> {
    if (!this.#open) throw new HandleClosed('A transaction')
    const statement = this.#statements.get(sql)
    statement.mayWrite ??= mayWrite(sql)
    if (!statement.mayWrite) throw new StatementRefused(sql)
    const { results, failure } = await this.#session.run([{ statement, params }])
    if (!failure) {
      // The only statement that PostgreSQL accepts in an aborted transaction and that mends it.
      if (this.failure && results[0]?.tag === 'ROLLBACK') this.failure = undefined
      return results[0] as StatementResult
    }
    this.failure ??= failure
    throw publicFailure(failure)
  }
}
