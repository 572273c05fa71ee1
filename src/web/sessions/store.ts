import { BUCKETS } from '../../core/keys.ts'
import type { SystemStore } from '../../core/ports.ts'
import { sweepEverywhere } from '../../core/sweep.ts'

/** A session as it is stored. Times are milliseconds since the epoch. */
export interface StoredSession {
  readonly id: string
  readonly principal: string | null
  readonly data: Record<string, unknown>
  readonly createdAt: number
  readonly expiresAt: number
  readonly seenAt: number
}

interface Row {
  principal: string | null
  data: Record<string, unknown>
  created_ms: string | number
  expires_ms: string | number
  seen_ms: string | number
}

const FIND = `select principal, data, (extract(epoch from created_at) * 1000)::float8 as created_ms,
    (extract(epoch from expires_at) * 1000)::float8 as expires_ms, (extract(epoch from seen_at) * 1000)::float8 as seen_ms
  from tenfold.sessions where id = $1`
const INSERT = `insert into tenfold.sessions (id, bucket, tag, principal, data, created_at, expires_at, seen_at)
  values ($1, $2, $3, $4, $5::jsonb, to_timestamp($6::float8 / 1000), to_timestamp($7::float8 / 1000), to_timestamp($6::float8 / 1000))
  on conflict (id) do nothing`

const round = (ms: string | number): number => Math.round(Number(ms))

/** The table of sessions. Each method is one statement, harmless to run again. */
export class SessionStore {
  readonly #store: SystemStore
  constructor(store: SystemStore) {
    this.#store = store
  }

  place(principal: string): number {
    return this.#store.hash(principal)
  }

  async find(placement: number, id: string): Promise<StoredSession | null> {
    const [row] = await this.#store.read(placement, (db) => db.query<Row>(FIND, [id]))
    if (!row) return null
    const { principal, data } = row
    return {
      id,
      principal,
      data,
      createdAt: round(row.created_ms),
      expiresAt: round(row.expires_ms),
      seenAt: round(row.seen_ms),
    }
  }

  /** Under a commit marker, so that a replayed log-in does not bring back a session that was ended since. */
  insertOnce(placement: number, name: string, session: StoredSession): Promise<StoredSession> {
    return this.#store.write(placement, name, async (tx) => {
      await tx.query(INSERT, valuesOf(placement, session))
      return session
    })
  }

  async insertNow(placement: number, session: StoredSession): Promise<StoredSession> {
    await this.#store.apply(placement, { sql: INSERT, params: valuesOf(placement, session) })
    return session
  }

  /** @returns whether the session was still there */
  async update(placement: number, id: string, data: Record<string, unknown>): Promise<boolean> {
    const sql = 'update tenfold.sessions set data = $2::jsonb where id = $1 returning id'
    const [rows = []] = await this.#store.apply(placement, { sql, params: [id, JSON.stringify(data)] })
    return rows.length > 0
  }

  async seen(placement: number, id: string, now: number): Promise<void> {
    const sql =
      'update tenfold.sessions set seen_at = greatest(seen_at, to_timestamp($2::float8 / 1000)) where id = $1'
    await this.#store.apply(placement, { sql, params: [id, now] })
  }

  async delete(placement: number, id: string): Promise<void> {
    await this.#store.apply(placement, {
      sql: 'delete from tenfold.sessions where id = $1',
      params: [id],
    })
  }

  async deleteOf(principal: string): Promise<void> {
    const sql = 'delete from tenfold.sessions where principal = $1'
    await this.#store.apply(this.place(principal), { sql, params: [principal] })
  }

  /** Deletes what expired. */
  sweep(now: number, idleMs: number): Promise<void> {
    const over = 'expires_at < to_timestamp($2::float8 / 1000) or seen_at < to_timestamp($3::float8 / 1000)'
    return sweepEverywhere(this.#store, 'sessions', over, [now, now - idleMs])
  }
}

const valuesOf = (
  placement: number,
  { id, principal, data, createdAt, expiresAt }: StoredSession,
): unknown[] => [
  id,
  placement % BUCKETS,
  Math.floor(placement / BUCKETS),
  principal,
  JSON.stringify(data),
  createdAt,
  expiresAt,
]
