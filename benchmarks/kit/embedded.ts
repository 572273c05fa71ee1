import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { createRuntime } from '../../src/app/compose.ts'
import type { Runtime, RuntimeOptions } from '../../src/app/runtime.ts'
import type { AppDefinition } from '../../src/app/types.ts'
import { silentLogger } from '../../src/core/log.ts'
import type { ClusterOptions, ConnectionOptions } from '../../src/data/client/types.ts'
import { createPostgres } from '../../src/data/postgres/index.ts'
import { prepareData } from '../../src/data/prepare.ts'
import definition from './app/app.ts'
import { withFolder } from './lightbox.ts'

const plain = definition as unknown as AppDefinition

/** The embedded PostgreSQL as `tenfold start` runs it, with the tables of an app. */
export async function withPostgres<R>(
  settings: Readonly<Record<string, string>>,
  work: (connection: ConnectionOptions, server: { version: string; pid: number }) => Promise<R>,
  { placing, options }: AppDefinition = plain,
): Promise<R> {
  return withFolder(async (folder) => {
    const server = createPostgres({
      dataDir: join(folder, 'pg'),
      runDir: join(folder, 'run'),
      logFile: join(folder, 'log'),
      log: silentLogger,
      settings,
    })
    await server.start()
    try {
      const { socketDir: host, port, user, password, version } = server
      const admin = { host, port, user, password, database: 'postgres' }
      await withSession(admin, (client) => client.query('create database bench_c0 template template0'))
      const connection = { ...admin, database: 'bench_c0' }
      await prepareData({
        clusters: [cluster(connection)],
        placing,
        migrations: options.migrations,
        log: silentLogger,
      })
      const result = await work(connection, { version, pid: server.pid as number })
      await withSession(admin, left)
      return result
    } finally {
      await server.stop()
    }
  })
}

const LEFT = `select count(*)::int as left from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()`
const LEAVING_MS_MAX = 5_000
const PAUSE_MS = 5

/** Pools do not wait until their sessions are gone: told then that the server stops, they would fail. */
async function left(client: pg.Client): Promise<void> {
  for (let ms = 0; ms < LEAVING_MS_MAX; ms += PAUSE_MS) {
    if ((await client.query<{ left: number }>(LEFT)).rows[0]?.left === 0) return
    await sleep(PAUSE_MS)
  }
}

const cluster = (connection: ConnectionOptions): ClusterOptions => ({ name: 'c0', connection })

export async function withSession<R>(
  connection: ConnectionOptions,
  work: (client: pg.Client) => Promise<R>,
): Promise<R> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** An application in this process, with the platform's defaults; not started. */
export function runtimeOf(
  app: AppDefinition,
  connection: ConnectionOptions,
  options: Partial<RuntimeOptions> = {},
): Runtime {
  return createRuntime(app, {
    clusters: [cluster(connection)],
    signingKeys: [Buffer.alloc(32, 'benchmark')],
    soleProcess: true,
    log: silentLogger,
    secureCookies: false,
    ...options,
  })
}

/** The app's `system` in this process, with the platform's defaults. */
export async function withRuntime<R>(
  connection: ConnectionOptions,
  work: (system: BenchSystem) => Promise<R>,
  app: AppDefinition = plain,
  options: Partial<RuntimeOptions> = {},
): Promise<R> {
  const runtime = runtimeOf(app, connection, options)
  await runtime.start()
  try {
    return await work(runtime.system as unknown as BenchSystem)
  } finally {
    await runtime.stop()
  }
}

/** What an app's code gets. */
export type BenchSystem = Parameters<(typeof definition)['options']['fetch']>[0]
