import pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import type { Insert } from './insert.ts'

const SQL = 'insert into peer.posts (author_id, id, text) values ($1, $2, $3)'

/** The peer: a transaction as one writes it by hand with `pg`: three round trips. */
export async function withBarePool<R>(connection: ConnectionOptions, connections: number, work: (insert: Insert) => Promise<R>): Promise<R> {
  const pool = new pg.Pool({ ...connection, max: connections })
  try {
    return await work(async ({ author, id, text }) => {
      const client = await pool.connect()
      try {
        await client.query('begin')
        await client.query(SQL, [author, id, text])
        await client.query('commit')
      } catch (error) {
        await client.query('rollback')
        throw error
      } finally {
        client.release()
      }
    })
  } finally {
    await pool.end()
  }
}
