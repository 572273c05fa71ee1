import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { DEADLINE_MS, OutcomeUnknown } from './contender.ts'

const SESSIONS_MAX = 20
/** Milliseconds for a host to say whether it is the primary. */
const PROBE_MS = 1_000
const CONNECT_MS = 2_000
const PAUSE_MS = 100

/** What means that this server is not the primary, or not there: go and look for another. */
const GONE = /^(08...|25006|57P0[1-4]|53300)$/

/**
 * What a careful user of `pg` writes for several hosts: finds the primary by asking each (`target_session_attrs` of
 * libpq), drops its pool when that is gone, and sends again only what surely was not applied. A COMMIT without an answer
 * may have been; without a marker nobody can tell, so that is an error.
 */
export class CarefulClient {
  readonly #hosts: readonly ConnectionOptions[]
  #primary: Promise<pg.Pool> | undefined

  constructor(hosts: readonly ConnectionOptions[]) {
    this.#hosts = hosts
  }

  write(id: string): Promise<void> {
    return this.#insist(async (client) => {
      await client.query('begin')
      await client.query('insert into events (id) values ($1)', [id])
      let warned = false
      const notice = ({ code }: { code?: string | undefined }): void => {
        warned ||= code === '01000' // the wait for the standby was cancelled
      }
      client.on('notice', notice)
      try {
        await client.query('commit')
      } catch (error) {
        throw new OutcomeUnknown('COMMIT was not answered', { cause: error })
      } finally {
        client.removeListener('notice', notice)
      }
      if (warned) throw new OutcomeUnknown('COMMIT did not reach a standby')
    })
  }

  read(id: string): Promise<boolean> {
    return this.#insist(async (client) => {
      const { rowCount } = await client.query('select from events where id = $1', [id])
      return rowCount !== 0
    })
  }

  /** On the primary, with nothing retried. */
  async query<Row extends pg.QueryResultRow>(sql: string, params: unknown[] = []): Promise<Row[]> {
    return (await (await this.#current()).query<Row>(sql, params)).rows
  }

  async close(): Promise<void> {
    const pool = await this.#primary?.catch(() => undefined)
    this.#primary = undefined
    await pool?.end()
  }

  async #insist<Value>(work: (client: pg.PoolClient) => Promise<Value>): Promise<Value> {
    const until = performance.now() + DEADLINE_MS
    for (;;) {
      try {
        return await this.#attempt(work)
      } catch (error) {
        if (error instanceof OutcomeUnknown || !isGone(error)) throw error
        if (performance.now() + PAUSE_MS > until) throw error
      }
      await sleep(PAUSE_MS)
    }
  }

  async #attempt<Value>(work: (client: pg.PoolClient) => Promise<Value>): Promise<Value> {
    const primary = this.#current()
    const pool = await primary
    let client: pg.PoolClient | undefined
    try {
      client = await pool.connect()
      const value = await work(client)
      client.release()
      return value
    } catch (error) {
      client?.release(true)
      const cause = error instanceof OutcomeUnknown ? error.cause : error
      if (isGone(cause) && this.#primary === primary) {
        this.#primary = undefined
        pool.end().catch(() => {})
      }
      throw error
    }
  }

  /** One search at a time, for all who wait. */
  #current(): Promise<pg.Pool> {
    if (this.#primary === undefined) {
      const found = this.#find()
      this.#primary = found
      found.catch(() => {
        if (this.#primary === found) this.#primary = undefined
      })
    }
    return this.#primary
  }

  async #find(): Promise<pg.Pool> {
    const host = await Promise.any(this.#hosts.map(asPrimary))
    const pool = new pg.Pool({
      ...host,
      max: SESSIONS_MAX,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: DEADLINE_MS,
      keepAlive: true,
    })
    pool.on('error', () => {}) // an idle session; whoever needs one meets the reason
    // One that is lost between two statements tells it by an event, too; without a listener that would end the process.
    pool.on('connect', (client) => client.on('error', () => {}))
    return pool
  }
}

async function asPrimary(host: ConnectionOptions): Promise<ConnectionOptions> {
  const client = new pg.Client({ ...host, connectionTimeoutMillis: PROBE_MS, query_timeout: PROBE_MS })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby')
    if (rows[0]?.standby !== false) throw new Error('a standby')
    return host
  } finally {
    client.end().catch(() => {})
  }
}

/** The server's own errors have a SQLSTATE; without one it is the network's, or nobody was found. */
function isGone(error: unknown): boolean {
  const { code, severity } = error as { code?: string; severity?: string }
  return severity === undefined || GONE.test(code ?? '')
}
