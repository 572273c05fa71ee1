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

/** One cluster: a PostgreSQL primary (its replicas come with a later stage). */
export interface ClusterOptions {
  /** `c0`, `c1`, …; the first is the home cluster. */
  readonly name: string
  readonly connection: ConnectionOptions
}
