import pg from 'pg'
import { connectionTo, type DatabaseAddress } from './address.ts'

const CONNECT_MS_MAX = 5_000

/** Opens a connection for administration. End it. */
export async function connect(address: DatabaseAddress, timeoutMs = CONNECT_MS_MAX): Promise<pg.Client> {
  const client = new pg.Client({
    ...connectionTo(address),
    connectionTimeoutMillis: timeoutMs,
    query_timeout: 0,
    application_name: 'tenfold',
  })
  // A server that goes away is noticed by the query that fails; without a listener it would end the process.
  client.on('error', () => {})
  await client.connect()
  return client
}

/** Ends a connection at once: a server that hangs would answer no goodbye. */
export function destroy(client: pg.Client): void {
  ;(client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}

async function run(address: DatabaseAddress, ...statements: string[]): Promise<void> {
  const client = await connect(address)
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}

const name = (text: string): string => pg.escapeIdentifier(text)

/** Creates an empty database. */
export function createDatabase(address: DatabaseAddress, database: string): Promise<void> {
  return run(address, `create database ${name(database)} template template0`)
}

/**
 * Copies a database whose sessions are all closed. By files instead of through the log: the copy takes two
 * checkpoints, but no page is logged.
 */
export function cloneDatabase(address: DatabaseAddress, database: string, template: string): Promise<void> {
  return run(address, `create database ${name(database)} template ${name(template)} strategy file_copy`)
}

/** Drops a database and ends its sessions. */
export function dropDatabase(address: DatabaseAddress, database: string): Promise<void> {
  return run(address, `drop database if exists ${name(database)} with (force)`)
}
