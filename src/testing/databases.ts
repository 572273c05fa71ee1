import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { TestServer } from './server.ts'

/** So that processes which share a given server do not meet. */
const RUN = `tenfold_test_${process.pid}_${randomBytes(4).toString('hex')}`
let count = 0

/** A database name that nobody else uses. */
export function newDatabaseName(): string {
  count += 1
  return `${RUN}_${count}`
}

/**
 * Copying files beats copying through the log: 14 ms against 28 ms for 8 MB, measured with the settings of
 * server.ts on a file system in memory.
 */
export async function createTestDatabase(
  server: TestServer,
  name: string,
  template = 'template0',
): Promise<void> {
  await server.run(
    `create database ${pg.escapeIdentifier(name)} template ${pg.escapeIdentifier(template)} strategy file_copy`,
  )
}

/** Ends the sessions of a database and drops it. */
export async function dropTestDatabase(server: TestServer, name: string): Promise<void> {
  await server.run(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`)
}
