import pg from 'pg'
import type { ClusterOptions } from '../data/client/types.ts'
import { TestMisuse } from './errors.ts'

/** Raw access to one cluster of the app under test, past its data client but not past the fence. */
export interface TestSql {
  /** Runs SQL with `$1` parameters. Each call is a transaction of its own, on one connection. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<Row[]>
}

/** One connection per cluster, opened at the first query. */
export class RawConnections {
  readonly #clusters: readonly ClusterOptions[]
  readonly #clients = new Map<string, Promise<pg.Client>>()

  constructor(clusters: readonly ClusterOptions[]) {
    this.#clusters = clusters
  }

  cluster(name: string): ClusterOptions {
    const cluster = this.#clusters.find((one) => one.name === name)
    if (cluster) return cluster
    const names = this.#clusters.map((one) => one.name).join(', ')
    throw new TestMisuse(
      `There is no cluster ${name}.`,
      `This app has ${names}; ask for two with startTest(app, { clusters: 2 }).`,
    )
  }

  sql(name: string): TestSql {
    const { connection } = this.cluster(name)
    return {
      query: async (sql, params = []) => {
        const client = await this.#client(name, connection)
        return (await client.query(sql, [...params])).rows
      },
    }
  }

  async end(): Promise<void> {
    const clients = await Promise.all(
      [...this.#clients.values()].map((client) => client.catch(() => undefined)),
    )
    await Promise.all(clients.map((client) => client?.end()))
  }

  #client(name: string, connection: ClusterOptions['connection']): Promise<pg.Client> {
    let client = this.#clients.get(name)
    if (client === undefined) {
      client = this.#connect(name, connection)
      this.#clients.set(name, client)
      client.catch(() => this.#clients.delete(name))
    }
    return client
  }

  async #connect(name: string, connection: ClusterOptions['connection']): Promise<pg.Client> {
    const client = new pg.Client({ ...connection, application_name: 'tenfold test sql' })
    client.on('error', () => this.#clients.delete(name))
    await client.connect()
    return client
  }
}
