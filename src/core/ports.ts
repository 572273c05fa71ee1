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
   * A fenced transaction without a marker, for statements that may be applied again without harm (each
   * carries its own uniqueness or is monotonic). Runs again when a connection is lost.
   */
  apply<R>(hash: number, work: (tx: Queryable) => Promise<R>): Promise<R>
  /** Runs `work` once on every cluster's primary, for clean-up in small batches. */
  everywhere(work: (tx: Queryable) => Promise<void>): Promise<void>
}
