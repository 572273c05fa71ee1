/** How to reach one database. */
export interface DatabaseAddress {
  readonly socketDir: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** @defaultValue `postgres` */
  readonly database?: string
}

/** The same as `pg` and the data client take it. */
export const connectionTo = (
  { socketDir: host, port, user, password, database: own = 'postgres' }: DatabaseAddress,
  database = own,
) => ({ host, port, user, password, database })
