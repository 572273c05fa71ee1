import type { ConnectionOptions } from '../data/client/types.ts'

const PORT = 5432

/** Reads `postgres://user:password@host:port/database`; `?host=/folder` names a Unix socket's folder. */
export function connectionOf(url: string): ConnectionOptions {
  const { hostname, port, username, password, pathname, searchParams } = new URL(url)
  const sslmode = searchParams.get('sslmode')
  return {
    host: searchParams.get('host') ?? (hostname === '' ? 'localhost' : decodeURIComponent(hostname)),
    port: Number(searchParams.get('port') ?? (port === '' ? PORT : port)),
    user: decodeURIComponent(username) || 'postgres',
    database: decodeURIComponent(pathname.slice(1)) || 'postgres',
    ...(password !== '' && { password: decodeURIComponent(password) }),
    ...(sslmode !== null &&
      sslmode !== 'disable' && { ssl: sslmode === 'verify-full' ? true : { rejectUnauthorized: false } }),
  }
}
