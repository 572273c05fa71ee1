import { join } from 'node:path'
import pg from 'pg'
import { silentLogger } from '../core/log.ts'
import type { ConnectionOptions } from '../data/client/types.ts'
import { chooseAccount } from '../data/postgres/account.ts'
import { connectionTo } from '../data/postgres/address.ts'
import { findBinaries } from '../data/postgres/binaries.ts'
import { createPostgres, type PostgresServer } from '../data/postgres/index.ts'
import { parseDatabaseUrl } from '../supervisor/clusters.ts'
import { ClusterCache } from './cluster-cache.ts'
import { dataDirIn, makeTestFolder, removeTestFolder, runDirIn, sweepTestFolders } from './folder.ts'
import { RUN } from './names.ts'
import { startWatchdog } from './watchdog.ts'

/** A PostgreSQL server for the tests of one process. */
export interface TestServer {
  /** Tells the servers of this process apart. */
  readonly id: string
  /** How to reach one of its databases as superuser. */
  connection(database: string): ConnectionOptions
  /** Runs a statement for administration, one at a time. */
  run<Row extends pg.QueryResultRow = pg.QueryResultRow>(sql: string, params?: unknown[]): Promise<Row[]>
  /** Ends it and removes its data. Happens by itself when the process ends, however it ends. */
  stop(): Promise<void>
}

/** What is fast because a test's machine never crashes: nothing is flushed, nothing cleans up behind. */
const VOLATILE = {
  fsync: 'off',
  full_page_writes: 'off',
  wal_compression: 'off',
  autovacuum: 'off',
  // Each clone of a template waits for a checkpoint; few pages make it short.
  shared_buffers: '32MB',
  checkpoint_timeout: '1h',
}
const SINCE_18 = { file_copy_method: 'copy' }
const SETTINGS = { max_connections: '200', wal_recycle: 'off', min_wal_size: '32MB', max_wal_size: '256MB' }

/** Another PostgreSQL than that from npm: the folder of its programs. */
const pgBin = (): string | undefined => process.env.TENFOLD_TEST_PG_BIN || undefined

const servers = new Map<boolean, Promise<TestServer>>()

/**
 * The server of this process, started at the first call (0.2 s). `durable` ones, for tests that kill
 * PostgreSQL, are another. With `TENFOLD_TEST_DATABASE=postgres://…` it is that server, which stays as it is
 * but for databases named `tenfold_test_…`; with `TENFOLD_TEST_PG_BIN=/usr/lib/postgresql/15/bin` one made by those
 * programs.
 */
export function testServer({
  durable = false,
}: {
  readonly durable?: boolean | undefined
} = {}): Promise<TestServer> {
  let server = servers.get(durable)
  if (server === undefined) {
    const url = process.env.TENFOLD_TEST_DATABASE
    server = url ? given(url) : embedded(durable)
    servers.set(durable, server)
    server.then(stopAtEnd, () => servers.delete(durable))
  }
  return server
}

/** Whether the process is about to end is known when nothing is left to wait for. A crash is the watchdog's. */
function stopAtEnd(server: TestServer): void {
  process.once('beforeExit', () => void server.stop())
}

async function embedded(durable: boolean): Promise<TestServer> {
  await sweepTestFolders()
  const folder = makeTestFolder(durable)
  const watchdog = startWatchdog(folder)
  try {
    const binaries = await findBinaries({ pgBin: pgBin(), account: chooseAccount(dataDirIn(folder)) })
    const cache = new ClusterCache({ version: binaries.version, binDir: binaries.dir })
    const server = await startIn(folder, durable, cache)
    return new Administered(
      durable ? 'durable' : 'volatile',
      (database) => connectionTo(server, database),
      'postgres',
      async () => {
        await server.stop({ mode: 'immediate' })
        await removeTestFolder(folder)
        await watchdog.stop()
      },
    )
  } catch (error) {
    await removeTestFolder(folder)
    await watchdog.stop()
    throw error
  }
}

async function startIn(folder: string, durable: boolean, cache: ClusterCache): Promise<PostgresServer> {
  try {
    if (cache.restore(folder)) {
      const server = create(folder, durable)
      await server.start()
      return server
    }
  } catch {
    cache.discard(folder) // damaged, or made by something else; a new one says what is wrong if it is not that
  }
  const first = create(folder, durable)
  await first.start()
  await hastenLogin(first)
  await first.stop()
  cache.keep(folder)
  const server = create(folder, durable)
  await server.start()
  return server
}

/** The 4096 hashes of a login, which slow down whoever guesses passwords, cost 5 ms for each connection of a test. */
async function hastenLogin(server: PostgresServer): Promise<void> {
  const { user, password } = server
  const client = new pg.Client(connectionTo(server))
  await client.connect()
  try {
    // PostgreSQL before 16 does not know it.
    await client.query(`select set_config(name, '1', false) from pg_settings where name = 'scram_iterations'`)
    await client.query(
      `alter role ${client.escapeIdentifier(user)} password ${client.escapeLiteral(password)}`,
    )
  } finally {
    await client.end()
  }
}

const create = (folder: string, durable: boolean): PostgresServer =>
  createPostgres({
    dataDir: dataDirIn(folder),
    runDir: runDirIn(folder),
    logFile: join(folder, 'log'),
    pgBin: pgBin(),
    log: silentLogger,
    settings: { ...SETTINGS, ...(durable ? {} : VOLATILE), ...(pgBin() ? {} : SINCE_18) },
  })

async function given(url: string): Promise<TestServer> {
  const [connection] = parseDatabaseUrl(url) as [ConnectionOptions]
  const server: Administered = new Administered(
    'given',
    (database) => ({ ...connection, database }),
    connection.database,
    async () => {},
    async () => {
      const rows = await server.run<{ datname: string }>(
        'select datname from pg_database where starts_with(datname, $1)',
        [RUN],
      )
      for (const { datname } of rows)
        await server.run(`drop database if exists ${pg.escapeIdentifier(datname)} with (force)`)
    },
  )
  return server
}

/** As in `pg`, whose types lack them. */
type RefClient = pg.Client & { ref(): void; unref(): void }

class Administered implements TestServer {
  readonly id: string
  readonly connection: (database: string) => ConnectionOptions
  readonly #database: string
  readonly #end: () => Promise<void>
  readonly #beforeEnd: () => Promise<void>
  #client: Promise<RefClient> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #stopping: Promise<void> | undefined

  constructor(
    id: string,
    connection: (database: string) => ConnectionOptions,
    database: string,
    end: () => Promise<void>,
    beforeEnd: () => Promise<void> = async () => {},
  ) {
    this.id = id
    this.connection = connection
    this.#database = database
    this.#end = end
    this.#beforeEnd = beforeEnd
  }

  run<Row extends pg.QueryResultRow>(sql: string, params: unknown[] = []): Promise<Row[]> {
    const result = this.#last.then(async () => {
      this.#client ??= this.#connect()
      const client = await this.#client
      // Between statements the connection must not keep the process from ending.
      client.ref()
      try {
        return (await client.query<Row>(sql, params)).rows
      } finally {
        client.unref()
      }
    })
    this.#last = result.catch(() => {})
    return result
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop()
    return this.#stopping
  }

  async #stop(): Promise<void> {
    await this.#beforeEnd()
    await this.#last
    const client = await this.#client?.catch(() => undefined)
    client?.ref()
    await client?.end()
    await this.#end()
  }

  async #connect(): Promise<RefClient> {
    const options = { ...this.connection(this.#database), application_name: 'tenfold test' }
    const client = new pg.Client(options) as RefClient
    client.on('error', () => {
      this.#client = undefined
    })
    await client.connect()
    return client
  }
}
