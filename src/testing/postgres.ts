import type { ConnectionOptions } from '../data/client/types.ts'
import { createTestDatabase, dropTestDatabase } from './databases.ts'
import { newDatabaseName } from './names.ts'
import { testServer } from './server.ts'

/** An empty database of its own for one test. */
export interface TestDatabase extends AsyncDisposable {
  readonly connection: ConnectionOptions
  /** Ends every session in it and drops it. Idempotent. */
  drop(): Promise<void>
}

/**
 * Creates an empty database (about 15 ms) on a PostgreSQL server of this process, which is started at the
 * first call and goes when the process ends. For tests inside this repository that need a database and no app.
 *
 * @example
 * ```ts
 * test('inserts a row', async (t) => {
 *   const { connection, drop } = await testDatabase()
 *   t.after(drop)
 *   const client = new pg.Client(connection)
 *   await client.connect()
 *   …
 *   await client.end()
 * })
 * ```
 *
 * @param options `durable` gives a database on a server whose commits survive a kill of PostgreSQL
 */
export async function testDatabase(options: { readonly durable?: boolean } = {}): Promise<TestDatabase> {
  const server = await testServer(options)
  const name = newDatabaseName()
  await createTestDatabase(server, name)
  let dropping: Promise<void> | undefined
  const drop = (): Promise<void> => (dropping ??= dropTestDatabase(server, name))
  return { connection: server.connection(name), drop, [Symbol.asyncDispose]: drop }
}
