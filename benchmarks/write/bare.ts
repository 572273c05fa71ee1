import { Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import type { Tables } from '../kit/app/app.ts'
import type { Insert } from './insert.ts'

const SQL = 'insert into peer.posts (author_id, id, text) values ($1, $2, $3)'

/** The peers: a transaction as one writes it by hand with `pg`, and with Kysely. Three round trips, too. */
export async function withPeers<R>(
  connection: ConnectionOptions,
  connections: number,
  work: (peers: { bare: Insert; kysely: Insert }) => Promise<R>,
): Promise<R> {
  const pool = new pg.Pool({ ...connection, max: connections })
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }).withSchema('peer')
  const bare: Insert = async ({ author, id, text }) => {
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
  }
  const kysely: Insert = ({ author, id, text }) =>
    db.transaction().execute((tx) => tx.insertInto('posts').values({ author_id: author, id, text }).execute())
  try {
    return await work({ bare, kysely })
  } finally {
    await pool.end()
  }
}
