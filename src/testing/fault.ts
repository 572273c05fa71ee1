import pg from 'pg'
import type { ClusterOptions } from '../data/client/types.ts'
import type { TestServer } from './server.ts'

/** Breaks things on purpose, with PostgreSQL's own means. */
export interface TestFault {
  /**
   * Ends every session with the database of a cluster, whatever it is doing (`pg_terminate_backend`), as a
   * restart of PostgreSQL would. Returns how many there were.
   * @defaultValue every cluster
   */
  dropConnections(cluster?: string): Promise<number>
  /**
   * Makes a cluster unreachable: ends its sessions and refuses new ones until disposed of.
   * @example await using outage = await app.fault.outage('c1')
   */
  outage(cluster?: string): Promise<AsyncDisposable>
}

/** The faults for one app. `clusters` are looked up by name. */
export function createFault(
  server: TestServer,
  names: readonly string[],
  cluster: (name: string) => ClusterOptions,
): TestFault & { end(): Promise<void> } {
  const outages = new Set<() => Promise<void>>()
  const drop = async (databases: readonly string[]): Promise<number> => {
    const rows = await server.run<{ pid: number }>(
      `select pid, pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = any($1) and pid <> pg_backend_pid() and backend_type = 'client backend'`,
      [databases],
    )
    return rows.length
  }
  const allow = (database: string, allowed: boolean): Promise<unknown> =>
    server.run(`alter database ${pg.escapeIdentifier(database)} with allow_connections ${allowed}`)
  return {
    dropConnections: (name) =>
      drop((name === undefined ? names : [name]).map((one) => cluster(one).connection.database)),
    outage: async (name = names[0] as string) => {
      const { database } = cluster(name).connection
      await allow(database, false)
      await drop([database])
      const end = async (): Promise<void> => {
        if (outages.delete(end)) await allow(database, true)
      }
      outages.add(end)
      return { [Symbol.asyncDispose]: end }
    },
    end: async () => {
      for (const end of [...outages]) await end()
    },
  }
}
