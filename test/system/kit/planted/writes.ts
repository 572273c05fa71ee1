import pg from 'pg'
import type { ConnectionOptions } from '../../../../src/data/client/types.ts'

/** One transaction's work, on a raw connection. */
export type RawWork<R> = (client: pg.Client) => Promise<R>

/** A write by hand: `id` is the same when the same write is asked for again. */
export type RawWrite = <R>(connect: Connect, id: string, work: RawWork<R>) => Promise<R>

/** Opens a connection; whoever asks for it ends it. */
export type Connect = () => Promise<pg.Client>

export const connector =
  (connection: ConnectionOptions): Connect =>
  async () => {
    const client = new pg.Client(connection)
    client.on('error', () => {}) // the query that fails says it
    await client.connect()
    return client
  }

/** Where the writes by hand keep their markers. */
export const RAW_MARKERS = 'create table if not exists raw_markers (id text primary key, result text)'

const ATTEMPTS_MAX = 20

/** What every careless author writes: whatever went wrong with the connection, once more. */
async function again<R>(connect: Connect, attempt: (client: pg.Client) => Promise<R>): Promise<R> {
  for (let attempts = 1; ; attempts++) {
    let client: pg.Client | undefined
    try {
      client = await connect()
      return await attempt(client)
    } catch (error) {
      const { code, severity } = error as { code?: string; severity?: string }
      const lost = severity === undefined || code?.startsWith('57P') === true
      if (!lost || attempts === ATTEMPTS_MAX) throw error
    } finally {
      // A connection that was cut cannot say goodbye.
      await client?.end().catch(() => {})
    }
  }
}

async function transaction<R>(client: pg.Client, work: RawWork<R>): Promise<R> {
  await client.query('begin')
  try {
    const result = await work(client)
    await client.query('commit')
    return result
  } catch (error) {
    await client.query('rollback').catch(() => {})
    throw error
  }
}

type Claim = { claimed: true } | { claimed: false; result: string | null }

async function claim(client: pg.Client, id: string): Promise<Claim> {
  const inserted = await client.query('insert into raw_markers (id) values ($1) on conflict do nothing', [id])
  if (inserted.rowCount === 1) return { claimed: true }
  const { rows } = await client.query<{ result: string | null }>(
    'select result from raw_markers where id = $1',
    [id],
  )
  return { claimed: false, result: rows[0]?.result ?? null }
}

const store = (client: pg.Client, id: string, result: unknown): Promise<unknown> =>
  client.query('update raw_markers set result = $2 where id = $1', [id, JSON.stringify(result)])

const restored = <R>(result: string | null): R => JSON.parse(result ?? '{}') as R

/** How it must be: the marker and the work in one transaction. The control: nothing may find fault with it. */
export const sound: RawWrite = (connect, id, work) =>
  again(connect, (client) =>
    transaction(client, async () => {
      const found = await claim(client, id)
      if (!found.claimed) return restored(found.result)
      const result = await work(client)
      await store(client, id, result)
      return result
    }),
  )

/** Planted bug: no marker. After a COMMIT whose answer was lost the work is done twice. */
export const blindRetry: RawWrite = (connect, _id, work) =>
  again(connect, (client) => transaction(client, work))

/** Planted bug: the marker is committed first, on its own. Cut after it, the work is never done. */
export const markerBefore: RawWrite = (connect, id, work) =>
  again(connect, async (client) => {
    const found = await claim(client, id)
    if (!found.claimed) return restored(found.result)
    return transaction(client, async () => {
      const result = await work(client)
      await store(client, id, result)
      return result
    })
  })

/** Planted bug: the marker is committed last, on its own. Cut before it, the work is done twice. */
export const markerAfter: RawWrite = (connect, id, work) =>
  again(connect, async (client) => {
    const { rows } = await client.query<{ result: string }>('select result from raw_markers where id = $1', [
      id,
    ])
    if (rows[0]) return restored(rows[0].result)
    const result = await transaction(client, work)
    await claim(client, id)
    await store(client, id, result)
    return result
  })

/** Planted bug: the answer goes out while COMMIT is still on its way. Cut there, what was acknowledged is lost. */
export const hastyAnswer: RawWrite = (connect, _id, work) =>
  again(connect, async (client) => {
    await client.query('begin')
    const result = await work(client)
    void client.query('commit').catch(() => {})
    return result
  })
