import type { Lsn } from './lsn.ts'

/** Runs SQL with `$1`-style parameters and returns the rows. */
export interface Queryable {
  query<Row = Record<string, unknown>>(sql: string, params?: readonly unknown[]): Promise<Row[]>
}

/**
 * Where the platform keeps its own records (sessions, reservations of idempotency keys, limits), sharded by
 * a 32-bit hash whose low 12 bits are the bucket. Tables live in the schema `tenfold` of every cluster.
 *
 * Tiers that need durable state take this port; the data tier implements it and app/ wires it.
 */
export interface SystemStore {
  /** The 32-bit hash (0 … 2³²−1) that places `key`: PostgreSQL's `hashtextextended(key, 0)`, low 32 bits. */
  hash(key: string): number
  /** Reads on the cluster that owns `hash`; runs again when a connection is lost. */
  read<R>(hash: number, work: (db: Queryable) => Promise<R>): Promise<R>
  /** A fenced transaction with a commit marker under `name`, as `system.shard.….write`; the result is JSON. */
  write<R>(hash: number, name: string, work: (tx: Queryable) => Promise<R>): Promise<R>
  /**
   * A fenced transaction without a marker in one round trip, for statements that may be applied again without harm (each
   * carries its own uniqueness or is monotonic). Runs again when a connection is lost. Resolves with the rows of each. Others
   * may share the transaction, so none may wait long for a lock.
   */
  apply<Row = Record<string, unknown>>(
    hash: number,
    ...statements: readonly SystemStatement[]
  ): Promise<Row[][]>
  /** The same where a statement depends on what another has found. */
  applyWork<R>(hash: number, work: (tx: Queryable) => Promise<R>): Promise<R>
  /** Runs `work` once on every cluster's primary, for clean-up in small batches. */
  everywhere(work: (tx: Queryable) => Promise<void>): Promise<void>
}

/** One statement of the platform's own, with `$1` parameters. */
export interface SystemStatement {
  readonly sql: string
  readonly params?: readonly unknown[]
}

/**
 * A session of its own on a cluster's primary, for a part of the platform that works all the time (relay, worker).
 * It connects when it is used and again after it was lost; nothing is sent twice by itself.
 */
export interface UpkeepSession {
  /**
   * Sends all statements in one round trip; without a `begin` among them they are one transaction, in which each
   * still sees what was committed when it starts. Resolves with the rows of each.
   * @throws the first failure, of the connection too: what was sent may then have been applied
   */
  run(statements: readonly SystemStatement[]): Promise<Record<string, unknown>[][]>
  /** Counts the connections so far: what belonged to an earlier one (locks) is gone. */
  readonly generation: number
  /** Whether `error` means that the connection is lost or the server away, so that trying again may help. */
  isTransient(error: unknown): boolean
  close(): Promise<void>
}

/** Where every cluster's primary can be reached for upkeep. */
export interface UpkeepSessions {
  readonly clusters: readonly string[]
  /**
   * @param how `asynchronous`: its commits do not wait for the disk; for what a crash of the server may undo without harm
   */
  open(cluster: string, purpose: string, how?: { readonly asynchronous?: boolean }): UpkeepSession
}

/** Between which positions of its cluster a read happened; filled in by the data tier. */
export interface ReadSpan {
  /** Lowest position noted before a snapshot of the read; unset while it has sent no statement. */
  from?: Lsn
  /** Highest position noted after a statement of the read. */
  upto?: Lsn
  timeline?: number
  /** The read cannot be placed, e.g. its statements ran on different timelines. */
  torn?: boolean
}
