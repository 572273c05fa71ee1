import pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'

/** E.g. `18.4`. */
export async function serverVersion(connection: ConnectionOptions): Promise<string> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const { rows } = await client.query<{ server_version: string }>('show server_version')
    return (rows[0]?.server_version ?? '').split(' ')[0] as string
  } finally {
    await client.end()
  }
}
