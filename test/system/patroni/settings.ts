/** How soon Patroni notices and decides, in seconds, by its own names. `loop_wait + 2 * retry_timeout ≤ ttl`. */
export interface Timings {
  readonly ttl: number
  readonly loop_wait: number
  readonly retry_timeout: number
}

/** What an operator may tune for a quick failover. */
export interface Tuning {
  readonly timings: Timings
  /** Of PostgreSQL. */
  readonly parameters: Readonly<Record<string, string>>
}

/** A standby looks for the new primary again after this long; by default five seconds, in which no commit is synchronous. */
const EAGER = { wal_retrieve_retry_interval: '100ms' }

/** As Patroni and PostgreSQL are shipped. */
export const SHIPPED: Tuning = { timings: { ttl: 30, loop_wait: 10, retry_timeout: 10 }, parameters: {} }
/** The lowest that Patroni's documentation allows. */
export const FASTEST: Tuning = { timings: { ttl: 20, loop_wait: 1, retry_timeout: 3 }, parameters: EAGER }
/** Below what its documentation allows, so that a test need not wait. */
export const HASTY: Tuning = { timings: { ttl: 6, loop_wait: 1, retry_timeout: 2 }, parameters: EAGER }

export interface Secrets {
  readonly superuser: string
  readonly replication: string
  readonly app: string
}

export interface MemberPlace {
  readonly name: string
  /** Its folder; the data lies below. */
  readonly dir: string
  readonly dataDir: string
  readonly postgresPort: number
  readonly restPort: number
}

const HOST = '127.0.0.1'

/** What all members agree on; it is kept in etcd from the first start on. */
const agreed = ({ timings, parameters }: Tuning): object => ({
  ...timings,
  maximum_lag_on_failover: 1048576,
  synchronous_mode: true,
  // Without a standby commits wait, as they do with us.
  synchronous_mode_strict: true,
  postgresql: { use_pg_rewind: true, use_slots: true, parameters: { max_connections: 100, ...parameters } },
})

/** The configuration of one member. JSON is YAML, too. */
export function memberConfig(
  place: MemberPlace,
  options: { tuning: Tuning; secrets: Secrets; etcdPort: number; pgBin: string },
): string {
  const { secrets, etcdPort, pgBin, tuning } = options
  const config = {
    scope: 'tenfold',
    namespace: '/service/',
    name: place.name,
    restapi: { listen: `${HOST}:${place.restPort}`, connect_address: `${HOST}:${place.restPort}` },
    etcd3: { hosts: [`${HOST}:${etcdPort}`] },
    bootstrap: {
      dcs: agreed(tuning),
      initdb: [{ encoding: 'UTF8' }, { locale: 'C' }, 'data-checksums'],
    },
    postgresql: {
      listen: `${HOST}:${place.postgresPort}`,
      connect_address: `${HOST}:${place.postgresPort}`,
      data_dir: place.dataDir,
      bin_dir: pgBin,
      pgpass: `${place.dir}/pgpass`,
      authentication: {
        superuser: { username: 'postgres', password: secrets.superuser },
        replication: { username: 'replicator', password: secrets.replication },
        rewind: { username: 'rewinder', password: secrets.replication },
      },
      parameters: {
        unix_socket_directories: place.dir,
        // In the data folder, where what a killed server leaves goes with it.
        dynamic_shared_memory_type: 'mmap',
      },
      pg_hba: [
        'local all all scram-sha-256',
        'host all all 127.0.0.1/32 scram-sha-256',
        'host replication replicator 127.0.0.1/32 scram-sha-256',
      ],
      basebackup: [{ checkpoint: 'fast' }],
    },
  }
  return JSON.stringify(config, null, 1)
}
