import type { ConnectionOptions } from '../../src/data/client/types.ts'

/** How a peer is told where its database is: the environment that `pg` reads by itself. */
export function databaseEnv({
  host,
  port,
  user,
  password = '',
  database,
}: ConnectionOptions): Record<string, string> {
  return { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database }
}
