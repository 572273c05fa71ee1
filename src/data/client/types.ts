import type { HistoryLoss } from '../../core/position.ts'

/** How to reach one PostgreSQL database. */
export interface ConnectionOptions {
  /** A host name, or the folder of a Unix socket (begins with `/`). */
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password?: string
  readonly database: string
  /** TLS as `pg` takes it. */
  readonly ssl?: boolean | object
}

/** One server of a cluster. Which part it plays, it is asked. */
export interface ClusterMember {
  /** E.g. `c0-pg-2`. */
  readonly id: string
  readonly connection: ConnectionOptions
}

/** One cluster: a PostgreSQL primary, perhaps with replicas. */
export interface ClusterOptions {
  /** `c0`, `c1`, …; the first is the home cluster. */
  readonly name: string
  /** Of the primary, where there are no `members`. */
  readonly connection: ConnectionOptions
  /** All servers, the primary among them, in any order; fewer than two are as good as none. */
  readonly members?: readonly ClusterMember[] | undefined
  /** Where its history was left with loss, if it ever was: by whoever keeps it. */
  readonly losses?: readonly HistoryLoss[] | undefined
}
