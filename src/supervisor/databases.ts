import pg from 'pg'
import type { ClusterOptions, ConnectionOptions } from '../data/client/types.ts'
import { addressOf } from './clusters.ts'
import { DatabaseUnreachable } from './errors.ts'

const CONNECT_MS_MAX = 10_000
const DUPLICATE_DATABASE = '42P04'

/** Runs `work` on a connection of its own. @throws DatabaseUnreachable when there is none to be had */
export async function withConnection<R>(
  connection: ConnectionOptions,
  work: (client: pg.Client) => Promise<R>,
): Promise<R> {
  const client = new pg.Client({
    ...connection,
    application_name: 'tenfold admin',
    connectionTimeoutMillis: CONNECT_MS_MAX,
  })
  client.on('error', () => {}) // the query that fails says it
  try {
    await client.connect()
  } catch (error) {
    throw unreachable(connection, error as Error & { code?: string })
  }
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  '28P01': 'Correct user and password in the URL.',
  '28000': 'Let this user in (pg_hba.conf), or name another in the URL.',
  '3D000': 'Create the database (`createdb`), or correct its name in the URL.',
  ENOTFOUND: 'Correct the host in the URL.',
}

function unreachable(connection: ConnectionOptions, error: Error & { code?: string }): DatabaseUnreachable {
  return new DatabaseUnreachable(
    `The database at ${addressOf(connection)} cannot be reached: ${error.message || error.code}.`,
    REMEDIES[error.code ?? ''] ?? 'Start that PostgreSQL, or correct the URL.',
    { cause: error },
  )
}

/** Creates the databases of embedded clusters that are not there yet; one short query a server when all are. */
export async function ensureDatabases(clusters: readonly ClusterOptions[]): Promise<void> {
  const servers = Map.groupBy(clusters, ({ connection }) => `${connection.host}:${connection.port}`)
  await Promise.all([...servers.values()].map((own) => ensureOn(own)))
}

async function ensureOn(clusters: readonly ClusterOptions[]): Promise<void> {
  const names = clusters.map(({ connection }) => connection.database)
  const [{ connection }] = clusters as [ClusterOptions]
  await withConnection({ ...connection, database: 'postgres' }, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      'select datname from pg_database where datname = any($1)',
      [names],
    )
    const present = new Set(rows.map(({ datname }) => datname))
    for (const name of names.filter((one) => !present.has(one))) {
      try {
        await client.query(`create database ${pg.escapeIdentifier(name)} template template0`)
      } catch (error) {
        if ((error as { code?: string }).code !== DUPLICATE_DATABASE) throw error
      }
    }
  })
}

/** The clusters of an embedded server by its databases: `<app>_c0`, `<app>_c1`, … for each application. */
export async function listEmbedded(server: ConnectionOptions): Promise<Map<string, ClusterOptions[]>> {
  return withConnection({ ...server, database: 'postgres' }, async (client) => {
    const { rows } = await client.query<{ datname: string }>(
      `select datname from pg_database where datname ~ '_c[0-9]+$' order by length(datname), datname`,
    )
    const apps = new Map<string, ClusterOptions[]>()
    for (const { datname } of rows) {
      const at = datname.lastIndexOf('_')
      const list = apps.get(datname.slice(0, at)) ?? []
      list.push({ name: datname.slice(at + 1), connection: { ...server, database: datname } })
      apps.set(datname.slice(0, at), list)
    }
    return apps
  })
}
