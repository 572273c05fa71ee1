import type pg from 'pg'
import type PgBoss from 'pg-boss'
import type { BenchSystem } from '../kit/embedded.ts'
import type { Post } from '../write/insert.ts'
import type { jobsApp } from './app.ts'
import { QUEUE } from './boss.ts'

/** One transaction: a post is inserted and a job recorded. */
export type Publish = (post: Post, token: number) => Promise<unknown>

const SQL = 'insert into posts (author_id, id, text) values ($1, $2, $3)'
const PEER_SQL = 'insert into peer.posts (author_id, id, text) values ($1, $2, $3)'

export const throughWrite =
  (system: BenchSystem, { noop }: ReturnType<typeof jobsApp>): Publish =>
  ({ author, id, text }, token) =>
    system.shard.user(author).write('publish', async (tx) => {
      await tx.query(SQL, [author, id, text])
      tx.enqueue(noop, { id: token })
    })

/** A transaction by hand on `pg`'s pool, with whatever records the job in it. */
const byHand =
  (pool: pg.Pool, record: (client: pg.PoolClient, token: number) => Promise<unknown>): Publish =>
  async ({ author, id, text }, token) => {
    const client = await pool.connect()
    try {
      await client.query('begin')
      await client.query(PEER_SQL, [author, id, text])
      await record(client, token)
      await client.query('commit')
    } catch (error) {
      await client.query('rollback')
      throw error
    } finally {
      client.release()
    }
  }

/** pg-boss' own way to join a transaction: `send` with `db`. */
export const throughBoss = (pool: pg.Pool, boss: PgBoss): Publish =>
  byHand(pool, (client, id) =>
    boss.send(QUEUE, { id }, { db: { executeSql: (text, values) => client.query(text, values) } }),
  )

/** graphile-worker's own way: its function in SQL. */
export const throughGraphile = (pool: pg.Pool): Publish =>
  byHand(pool, (client, id) =>
    client.query(`select graphile_worker.add_job('noop', $1::json)`, [JSON.stringify({ id })]),
  )
