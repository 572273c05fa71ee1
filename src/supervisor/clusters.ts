import { clusterOf } from '../data/client/cluster-of.ts'
import type { ClusterOptions, ConnectionOptions } from '../data/client/types.ts'
import { connectionTo, type DatabaseAddress } from '../data/postgres/address.ts'
import { ConfigInvalid } from './errors.ts'

/** `c0`, `c1`, …; the first is the home cluster. */
export const clusterName = (index: number): string => `c${index}`

/** The name of an application's database in a cluster. */
export const databaseName = (app: string, cluster: string): string => `${app.replaceAll('-', '_')}_${cluster}`

/** One database for each cluster, all in the embedded server: `<app>_c0`, `<app>_c1`, … */
export function embeddedClusters(app: string, count: number, address: DatabaseAddress): ClusterOptions[] {
  return Array.from({ length: count }, (_, index) => ({
    name: clusterName(index),
    connection: connectionTo(address, databaseName(app, clusterName(index))),
  }))
}

/** One cluster for each URL, in their order. A URL with several hosts names all servers of its cluster, in any order. */
export function externalClusters(urls: readonly string[]): ClusterOptions[] {
  return urls.map((url, index) => clusterOf(clusterName(index), parseDatabaseUrl(url)))
}

/**
 * Reads `postgres://user:password@host:port,host:port/database?sslmode=…`, with the servers of a cluster separated by commas
 * as libpq has them; a host that begins with `/` (encoded, or given as `?host=/path`) is the folder of a Unix socket.
 */
export function parseDatabaseUrl(text: string): [ConnectionOptions, ...ConnectionOptions[]] {
  const { head, hosts = '', tail = '' } = URL_PARTS.exec(text)?.groups ?? {}
  if (head === undefined) return [parseServer(text)]
  const [first = '', ...rest] = hosts.split(',')
  const server = (host: string): ConnectionOptions => parseServer(`${head}${host}${tail}`)
  return [server(first), ...rest.map(server)]
}

/** Whatever stands between scheme or password and the database's name. */
const URL_PARTS = /^(?<head>postgres(?:ql)?:\/\/(?:[^@/?]*@)?)(?<hosts>[^/?]*)(?<tail>[/?].*)?$/

function parseServer(text: string): ConnectionOptions {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const database = url === undefined ? '' : decodeURIComponent(url.pathname.slice(1))
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || database === '')
    throw new ConfigInvalid(
      'A database URL is not of the form postgres://user:password@host:port/database.',
      'Correct it; special characters in a password are percent-encoded, several servers of a cluster are separated by commas.',
    )
  const host = url.searchParams.get('host') ?? decodeURIComponent(url.hostname)
  return {
    host: host === '' ? 'localhost' : host,
    port: Number(url.port || url.searchParams.get('port') || 5432),
    user: decodeURIComponent(url.username) || 'postgres',
    ...(url.password !== '' && { password: decodeURIComponent(url.password) }),
    database,
    ...sslOf(url.searchParams.get('sslmode')),
  }
}

/** The meanings of libpq: `require` encrypts without checking who answers. */
function sslOf(mode: string | null): { ssl?: boolean | object } {
  if (mode === 'require' || mode === 'prefer') return { ssl: { rejectUnauthorized: false } }
  if (mode === 'verify-ca' || mode === 'verify-full') return { ssl: true }
  return {}
}

/** For people: without the password. */
export function addressOf({ host, port, database }: ConnectionOptions): string {
  return host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : `postgres://${host}:${port}/${database}`
}
