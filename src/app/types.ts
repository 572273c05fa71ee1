import type { Kysely } from 'kysely'
import type { Client } from 'pg'
import type { ZodType } from 'zod'
import type { Blobs } from '../blobs/types.ts'
import type { CachedOptions } from '../cache/cached.ts'
import type { CacheKey } from '../core/cache-key.ts'
import type { Duration } from '../core/duration.ts'
import type { Purge } from '../core/effects.ts'
import type { Json, Jsonified } from '../core/json.ts'
import type { KeyInput, KeyType } from '../core/keys.ts'
import type { Logger } from '../core/log.ts'
import type { EnqueueOptions, JobSettings, JobStatus } from '../jobs/types.ts'

export type { CachedOptions, EnqueueOptions, JobStatus }

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

/** A write transaction on the database alone. */
export interface DataTx<Tables> extends RawQuery {
  readonly db: Kysely<Tables>
  /** `pg`'s own client on this transaction, for COPY and streams. Do not begin or end transactions on it. */
  readonly client: Client
  /** The commit marker's id: the same over every run of this write. */
  readonly id: string
}

/** A write transaction. What it asks of other tiers commits with its rows or not at all. */
export interface Tx<Tables> extends DataTx<Tables> {
  /**
   * Records a job in the bucket of this transaction. @returns the job's id, the same over every run
   * @throws JobInputInvalid
   */
  enqueue<Input>(job: Job<Input>, input: Input, options?: EnqueueOptions): string
  /** From this commit on nobody who saw it gets an older value of these keys of this shard. */
  invalidate(...keys: readonly CacheKey[]): void
  /** Makes the edges forget what was kept under a tag, a URL or a prefix. */
  purge(...what: readonly Purge[]): void
  /** Keeps a blob alive under a name of your own, e.g. `photo/12`, from this commit on. @throws BlobMissing */
  attach(blob: string, name: string): void
  /** Gives up what {@link attach} kept; a blob that nothing keeps is deleted later. */
  detach(blob: string, name: string): void
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

/** The shard of one key: its rows alone. */
export interface DataShard<Tables, T = DataTx<Tables>> {
  read<R>(work: (db: Db<Tables>) => Promise<R>, options?: ReadOptions): Promise<R>
  /**
   * Runs `work` in a transaction that is applied exactly once, however often it has to run. `name` is unique
   * within the request. The result is what its JSON form gives back.
   */
  write<R>(name: string, work: (tx: T) => Promise<R>, options?: WriteOptions): Promise<Jsonified<R>>
}

/** The shard of one key. */
export interface Shard<Tables> extends DataShard<Tables, Tx<Tables>> {
  /**
   * The value of `key`, from the cache or else from `work`, in the form that its JSON gives back, frozen. It is never older
   * than what this session has seen or written, and for others at most one second behind a commit that
   * invalidates the key. `work` must depend on nothing but the key and the rows of this shard. The
   * key's arguments say whose value it is: shards of other keys may lie in the same place, where `key` means the same value.
   */
  cached<R>(
    key: CacheKey,
    options: CachedOptions,
    work: (db: Db<Tables>) => Promise<R>,
  ): Promise<Jsonified<R>>
}

/** The shards of one key space. */
export interface Space<Tables, S = Shard<Tables>> {
  (key: KeyInput): S
  /** Runs `work` once per cluster, in parallel, with that cluster's keys; results in no particular order. */
  many<Key extends KeyInput, R>(
    keys: readonly Key[],
    work: (db: Db<Tables>, keys: Key[]) => Promise<R>,
    options?: ReadOptions,
  ): Promise<R[]>
  /** The shard of the owner for whom `ids.next` drew this id. @throws BadKey when it is not such an id */
  ofId(id: string): S
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

/** What a job is and how it runs. */
export interface JobOptions<Sys, Tables, Input, Output> extends JobSettings {
  /** Checks the payload when it is put in and again when it is claimed. */
  readonly input: ZodType<Output, Input>
  readonly run: (job: JobRun<Tables, Output>, system: Sys) => Promise<void>
}

/** A kind of job, made by `t.job`. `Input` is what `enqueue` takes. */
export interface Job<Input> {
  readonly kind: 'tenfold.job'
  readonly name: string
  // biome-ignore lint/suspicious/noExplicitAny: the options' own types are checked where the job is made
  readonly options: JobOptions<any, any, Input, any>
}

/** One run of a job. */
export interface JobRun<Tables, Input> {
  readonly id: string
  readonly name: string
  readonly input: Input
  /** 1 at the first run. */
  readonly attempt: number
  readonly attemptsMax: number
  /** Aborted by `timeout`, cancellation, loss of the lease, and shutdown. */
  readonly signal: AbortSignal
  /**
   * Shown in {@link JobStatus}; kept when the run fails. Written at most a few times a second, at most 8 KiB of JSON.
   * @throws JobProgressInvalid
   */
  progress(value: Json): Promise<void>
  /**
   * Commits rows of the job's own shard and the job's completion together; nothing can follow it. Rows elsewhere
   * are written before, by `system.shard.….write`: their markers derive from the job's id.
   * @throws JobLeaseLost when another worker has taken over
   */
  write<R>(name: string, work: (tx: Tx<Tables>) => Promise<R>, options?: WriteOptions): Promise<Jsonified<R>>
}

export interface Jobs {
  /**
   * Records a job outside of a transaction, in the shard of its `unique` key if it has one. @returns its id, or that of the one
   * that waits already under the same unique key
   */
  enqueue<Input>(job: Job<Input>, input: Input, options?: EnqueueOptions): Promise<string>
  /** null when it is done or was never there. */
  get(id: string): Promise<JobStatus | null>
  /** Takes a waiting job out, asks a running one to end. @returns false when there was none */
  cancel(id: string): Promise<boolean>
}

/** A cache with a time to live and no promise beyond; each process has its own at this stage. */
export interface PlainCache {
  get<V = unknown>(key: string): Promise<V | undefined>
  /** `value` is kept as JSON. */
  set(key: string, value: unknown, ttl: Duration): Promise<void>
  delete(key: string): Promise<void>
  /** The value, or what `load` gives, kept for `ttl`; concurrent callers share one load. */
  through<V>(key: string, ttl: Duration, load: () => Promise<V>): Promise<Jsonified<V>>
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
  readonly jobs: Jobs
  readonly cache: PlainCache
  readonly blobs: Blobs
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
  /** Everything that may be enqueued; a job that is missing here never runs. */
  // biome-ignore lint/suspicious/noExplicitAny: jobs of every kind of input
  readonly jobs?: readonly Job<any>[]
  /**
   * Bytes of a request's body beyond which it is refused with 413; a function of method and path where routes
   * differ. What is larger than 64 KiB waits on disk, not in memory. @defaultValue 1 MiB
   */
  readonly bodyBytesMax?: number | ((method: string, path: string) => number)
}

/** What `t.app` returns and a module exports as default; opaque to its user. */
export interface AppDefinition<Schema = unknown, P extends Placing<Schema> = Placing<Schema>> {
  readonly kind: 'tenfold.app'
  readonly options: AppOptions<Schema, P>
  readonly placing: P
}

/** What `tenfold<Schema>()({ keys, global })` returns. */
export interface Toolkit<Schema, P extends Placing<Schema>> {
  /** Declares a kind of job; list it in the app's `jobs`. @param name lasts as long as jobs of it wait somewhere */
  job<Input, Output>(name: string, options: JobOptions<System<Schema, P>, Schema, Input, Output>): Job<Input>
  /** Names a cached value: `t.cacheKey('userCard', (id: UserId) => [id])`. */
  cacheKey<Args extends readonly unknown[]>(
    name: string,
    args: (...args: Args) => readonly Json[],
  ): (...args: Args) => CacheKey
  app(options: AppOptions<Schema, P>): AppDefinition<Schema, P>
}

/** The type of `system` for what `tenfold<Schema>()(…)` returned: `type AppSystem = SystemOf<typeof t>`. */
export type SystemOf<T> = T extends Toolkit<infer Schema, infer P> ? System<Schema, P> : never
