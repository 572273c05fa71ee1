import { createRequire } from 'node:module'
import type {
  CompiledQuery,
  DatabaseConnection,
  Driver,
  Kysely,
  PostgresAdapter,
  PostgresQueryCompiler,
  QueryResult,
} from 'kysely'
import type { StatementResult } from '../connection/batch.ts'

/** Runs one statement for Kysely. */
export type Run = (sql: string, params: readonly unknown[]) => Promise<StatementResult>

type Library = typeof import('kysely')

/** What all of a process share. */
interface Parts {
  readonly library: Library
  readonly adapter: PostgresAdapter
  readonly compiler: PostgresQueryCompiler
}

const require = createRequire(import.meta.url)
let parts: Parts | undefined

/**
 * Loads it when it is first used: its 250 modules are half of what a process spends on imports, and many have no use for it. It is the
 * very module that an application imports.
 *
 * @throws ERR_REQUIRE_ESM_RACE_CONDITION, Node's own, when an `import()` of it is under way at that moment: an application that imports
 * Kysely itself does so before it serves
 */
function load(): Parts {
  if (parts) return parts
  const library = require('kysely') as Library
  parts = { library, adapter: new library.PostgresAdapter(), compiler: new library.PostgresQueryCompiler() }
  return parts
}

/** Kysely that sends through `run`; transactions are the platform's, so Kysely's own are refused. */
export function kyselyOver<Tables>(run: Run): Kysely<Tables> {
  const { library, adapter, compiler } = load()
  const connection: DatabaseConnection = {
    executeQuery: <R>(query: CompiledQuery) => execute<R>(run, query),
    streamQuery: () => {
      throw new Error('Streams are not available here: page through the rows, or use the raw client')
    },
  }
  const executor = new library.DefaultQueryExecutor(compiler, adapter, {
    provideConnection: (consume) => consume(connection),
  })
  const driver = refusingDriver(connection)
  const dialect = {
    createAdapter: () => adapter,
    createDriver: () => driver,
    createIntrospector: (db: Kysely<never>) => new library.PostgresIntrospector(db),
    createQueryCompiler: () => compiler,
  }
  return new library.Kysely<Tables>({ config: { dialect }, dialect, driver, executor } as never)
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
