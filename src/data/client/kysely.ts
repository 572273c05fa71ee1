import {
  type CompiledQuery,
  type DatabaseConnection,
  DefaultQueryExecutor,
  type Driver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
} from 'kysely'
import type { StatementResult } from '../connection/batch.ts'

/** Runs one statement for Kysely. */
export type Run = (sql: string, params: readonly unknown[]) => Promise<StatementResult>

const adapter = new PostgresAdapter()
const compiler = new PostgresQueryCompiler()

/** Kysely that sends through `run`; transactions are the platform's, so Kysely's own are refused. */
export function kyselyOver<Tables>(run: Run): Kysely<Tables> {
  const connection: DatabaseConnection = {
    executeQuery: <R>(query: CompiledQuery) => execute<R>(run, query),
    streamQuery: () => {
      throw new Error('Streams are not available here: page through the rows, or use the raw client')
    },
  }
  const executor = new DefaultQueryExecutor(compiler, adapter, {
    provideConnection: (consume) => consume(connection),
  })
  const driver = refusingDriver(connection)
  const dialect = {
    createAdapter: () => adapter,
    createDriver: () => driver,
    createIntrospector: (db: Kysely<never>) => new PostgresIntrospector(db),
    createQueryCompiler: () => compiler,
  }
  return new Kysely<Tables>({ config: { dialect }, dialect, driver, executor } as never)
}

async function execute<R>(run: Run, query: CompiledQuery): Promise<QueryResult<R>> {
  const { rows, tag } = await run(query.sql, query.parameters)
  const affected = /^(?:INSERT 0|UPDATE|DELETE|MERGE) (\d+)$/.exec(tag)
  return affected
    ? { rows: rows as R[], numAffectedRows: BigInt(affected[1] as string) }
    : { rows: rows as R[] }
}

function refusingDriver(connection: DatabaseConnection): Driver {
  const refuse = () => {
    throw new Error('Use system.….write(name, work) instead of Kysely’s transactions')
  }
  return {
    init: async () => {},
    acquireConnection: async () => connection,
    beginTransaction: refuse,
    commitTransaction: refuse,
    rollbackTransaction: refuse,
    releaseConnection: async () => {},
    destroy: async () => {},
  }
}
