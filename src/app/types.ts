import type { Kysely } from 'kysely'
import type { Client } from 'pg'
import type { Jsonified } from '../core/json.ts'
import type { KeyInput, KeyType } from '../core/keys.ts'
import type { Logger } from '../core/log.ts'

/** Tables of a key space and, for each, the column that holds the shard key. */
export type SpaceColumns<Schema> = {
  readonly [Table in keyof Schema & string]?: keyof Schema[Table] & string
}

/** A family of shard keys with one type. */
export interface KeySpace<Schema> {
  readonly type: KeyType
  readonly columns: SpaceColumns<Schema>
}

/** How an application's tables are placed. */
export interface Placing<Schema> {
  /** Key spaces by name; a bare key given to `ids.next` belongs to the first. */
  readonly keys: Readonly<Record<string, KeySpace<Schema>>>
  /** Small reference tables that every cluster has; written by migrations. */
  readonly global?: readonly (keyof Schema & string)[]
}

type Globals<P> = P extends { readonly global: readonly (infer Name)[] } ? Name : never
type SpaceTables<P, Space> = P extends {
  readonly keys: Readonly<Record<string, { readonly columns: object }>>
}
  ? Space extends keyof P['keys']
    ? keyof P['keys'][Space]['columns']
    : never
  : never
type AllSpaceTables<P extends { readonly keys: object }> = {
  [S in keyof P['keys']]: SpaceTables<P, S>
}[keyof P['keys']]

/** The tables that a shard of `Space` sees: its own and the global ones. */
export type SpaceSchema<Schema, P, Space> = Pick<Schema, (SpaceTables<P, Space> | Globals<P>) & keyof Schema>
/** The tables that are in no key space: they live on the home cluster. */
export type HomeSchema<Schema, P extends { readonly keys: object }> = Omit<
  Schema,
  AllSpaceTables<P> & keyof Schema
>

/** Raw SQL with `$1` parameters, as a named prepared statement. Rows as plain objects. */
export interface RawQuery {
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]>
}

/** Kysely over the tables in reach, and raw SQL. Read-only inside `read`. */
export type Db<Tables> = Kysely<Tables> &
  RawQuery & {
    /** `pg`'s own client, for COPY and streams. Only with `{ snapshot: true }`. @throws NoSession */
    readonly client: Client
  }

/** A write transaction. Its effects commit with its rows or not at all. */
export interface Tx<Tables> extends RawQuery {
  readonly db: Kysely<Tables>
  /** `pg`'s own client on this transaction, for COPY and streams. Do not begin or end transactions on it. */
  readonly client: Client
  /** The commit marker's id: the same over every run of this write. */
  readonly id: string
}

export interface ReadOptions {
  /** One REPEATABLE READ snapshot for all queries of `work`. @defaultValue false: each query has its own */
  readonly snapshot?: boolean
  /** Milliseconds until a `DeadlineExceeded`. @defaultValue 10_000 */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

export interface WriteOptions {
  /** @defaultValue 'read committed' */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** Milliseconds for all runs together, until a `DeadlineExceeded`. @defaultValue 10_000 */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

/** The shard of one key. */
export interface Shard<Tables> {
  read<R>(work: (db: Db<Tables>) => Promise<R>, options?: ReadOptions): Promise<R>
  /**
   * Runs `work` in a transaction that is applied exactly once, however often it has to run. `name` is unique
   * within the request. The result is what its JSON form gives back.
   */
  write<R>(name: string, work: (tx: Tx<Tables>) => Promise<R>, options?: WriteOptions): Promise<Jsonified<R>>
}

/** The shards of one key space. */
export interface Space<Tables> {
  (key: KeyInput): Shard<Tables>
  /** Runs `work` once per cluster, in parallel, with that cluster's keys; results in no particular order. */
  many<Key extends KeyInput, R>(
    keys: readonly Key[],
    work: (db: Db<Tables>, keys: Key[]) => Promise<R>,
    options?: ReadOptions,
  ): Promise<R[]>
  /** The shard of the owner for whom `ids.next` drew this id. @throws BadKey when it is not such an id */
  ofId(id: string): Shard<Tables>
}

export interface Ids<P extends { readonly keys: object }> {
  /**
   * A UUIDv7 that carries its owner's placement. A bare key is of the first key space; `{ space: key }` names
   * another. Inside a request it is a function of the request id, so that a replay draws the same.
   */
  next(owner: KeyInput | { readonly [S in keyof P['keys']]?: KeyInput }): string
  /** A 64-bit time-ordered id, as a decimal string. Draw it inside a `write` and return it from there. */
  snowflake(): string
}

/** A server-side session. */
export interface Session {
  /** Who is logged in, in the app's words, e.g. a user id; null for an anonymous session. */
  readonly principal: string | null
  readonly data: Readonly<Record<string, unknown>>
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly expiresAt: number
}

export interface Sessions {
  /** The session of the request being handled, from its cookie or bearer token; null when there is none. */
  current(): Promise<Session | null>
  /**
   * Begins a session and ends the request's former one (rotation). As a cookie the answer carries it by
   * itself; as a bearer token the caller hands `token` to the client.
   */
  begin(session: {
    principal: string | null
    data?: Record<string, unknown>
    transport?: 'cookie' | 'bearer'
  }): Promise<{ token: string; session: Session }>
  /** Replaces the data of the request's session. @throws SessionRequired when there is none */
  update(data: Record<string, unknown>): Promise<void>
  /** Ends the request's session; its token is worthless at once. */
  end(): Promise<void>
  /** Ends every session of a principal, e.g. after a change of password. */
  endAll(principal: string): Promise<void>
}

/** A limit of `max` events per `windowSeconds`, spread evenly (GCRA), `burst` at once. */
export interface Limit {
  readonly max: number
  readonly windowSeconds: number
  /** @defaultValue `max` */
  readonly burst?: number
}

export interface LimitDecision {
  readonly allowed: boolean
  readonly remaining: number
  /** Seconds; 0 when allowed. */
  readonly retryAfterSeconds: number
}

export interface Limits {
  /** Counts one event (or `cost`) under `key`. */
  take(key: string, limit: Limit, cost?: number): Promise<LimitDecision>
  /** As `take`, but throws `RateLimited` (HTTP 429 with Retry-After and RateLimit headers). */
  enforce(key: string, limit: Limit, cost?: number): Promise<void>
  /** Forgets what was counted, e.g. after a log-in that succeeded. */
  reset(key: string): Promise<void>
}

export interface Assets {
  /** The immutable URL of a file in the app's `assets` folder. @throws AssetMissing */
  url(path: string): string
}

export interface Metrics {
  counter(
    name: string,
    help: string,
    labels?: readonly string[],
  ): { inc(labels?: Record<string, string>, by?: number): void }
  histogram(
    name: string,
    help: string,
    labels?: readonly string[],
    buckets?: readonly number[],
  ): { observe(labels: Record<string, string>, value: number): void }
  gauge(
    name: string,
    help: string,
    labels?: readonly string[],
  ): { set(labels: Record<string, string>, value: number): void }
}

/** What an application's code works with; the same at every stage. */
export interface System<Schema, P extends Placing<Schema>> {
  readonly shard: { readonly [S in keyof P['keys'] & string]: Space<SpaceSchema<Schema, P, S>> }
  /** Every cluster at once. */
  readonly shards: {
    /** Runs `work` on each cluster in parallel; the results are in the order of the clusters' names. */
    read<R>(work: (db: Db<Schema>, cluster: string) => Promise<R>, options?: ReadOptions): Promise<R[]>
  }
  /** Tables of no key space. */
  readonly home: Shard<HomeSchema<Schema, P>>
  readonly ids: Ids<P>
  readonly sessions: Sessions
  readonly limits: Limits
  readonly assets: Assets
  readonly metrics: Metrics
  /** Logs with the request's id. */
  readonly log: Logger
  /** The request being handled. @throws OutsideRequest */
  readonly request: {
    readonly id: string
    readonly signal: AbortSignal
    /** The client's address as the front door saw it (proxies only when trusted by configuration). */
    readonly clientAddress: string
  }
}

/** An application, before it runs. */
export interface AppOptions<Schema, P extends Placing<Schema>> {
  /** Lower-case letters, digits and dashes. */
  readonly name: string
  /** Folder of plain SQL files, applied in the order of their names to every cluster. */
  readonly migrations: URL
  /** Folder of static files. */
  readonly assets?: URL
  /** Called once at start; the function it returns answers every request. */
  readonly fetch: (system: System<Schema, P>) => (request: Request) => Response | Promise<Response>
  /** Called after migration of an empty database, before the first request; writes need fixed names. */
  readonly seed?: (system: System<Schema, P>) => Promise<void>
  /** Bytes of a request's body beyond which it is refused with 413. @defaultValue 1 MiB */
  readonly bodyBytesMax?: number
}

/** What `t.app` returns and a module exports as default; opaque to its user. */
export interface AppDefinition<Schema = unknown, P extends Placing<Schema> = Placing<Schema>> {
  readonly kind: 'tenfold.app'
  readonly options: AppOptions<Schema, P>
  readonly placing: P
}

/** What `tenfold<Schema>()({ keys, global })` returns. */
export interface Toolkit<Schema, P extends Placing<Schema>> {
  app(options: AppOptions<Schema, P>): AppDefinition<Schema, P>
}

/** The type of `system` for what `tenfold<Schema>()(…)` returned: `type AppSystem = SystemOf<typeof t>`. */
export type SystemOf<T> = T extends Toolkit<infer Schema, infer P> ? System<Schema, P> : never
