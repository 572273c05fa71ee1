import pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'

/** A pool of `pg`'s as a peer has one. */
export async function withPool<R>(
  connection: ConnectionOptions,
  max: number,
  work: (pool: pg.Pool) => Promise<R>,
): Promise<R> {
  const pool = new pg.Pool({ ...connection, max })
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}
