import pg from 'pg'
import { systemClock } from '../../src/core/clock.ts'
import { createContextStorage, detachedContext, type RequestContext } from '../../src/core/context.ts'
import { silentLogger } from '../../src/core/log.ts'
import { systemRandom } from '../../src/core/random.ts'
import { formatSeen, NOTHING_SEEN, parseSeen, type Seen } from '../../src/core/seen.ts'
import { SeenRecord } from '../../src/core/seen-record.ts'
import { uuidv7 } from '../../src/core/uuid.ts'
import { DataClient } from '../../src/data/client/data-client.ts'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { type ReplicatedCluster, withReplicas } from '../kit/replicas.ts'

export const USERS = 1_000
const PLACING = { keys: { user: { type: 'bigint', columns: { users: 'id' } } }, global: [] } as const

/** A primary with two replicas, a data client over them and a pool for each replica, in this process. */
export interface Bench {
  readonly client: DataClient
  readonly storage: ReturnType<typeof createContextStorage>
  readonly replicas: readonly pg.Pool[]
  /** Of the three servers. */
  readonly pids: readonly number[]
  readonly version: string
}

export function withCluster<R>(work: (bench: Bench) => Promise<R>): Promise<R> {
  const migrations = new URL('./migrations/', import.meta.url)
  return withReplicas({ placing: PLACING, migrations }, (cluster) => withClient(cluster, work))
}

async function withClient<R>(
  { options, replicas: copies, pids }: ReplicatedCluster,
  work: (bench: Bench) => Promise<R>,
): Promise<R> {
  const storage = createContextStorage()
  const client = new DataClient({
    clusters: [options],
    placing: PLACING,
    storage,
    log: silentLogger,
    clock: systemClock,
    random: systemRandom(),
    connectionsMax: 10,
    doubleRun: false,
  })
  await client.start()
  const replicas = copies.map(({ connection }) => new pg.Pool({ ...connection, max: 10 }))
  try {
    const version = await fill(options.connection)
    return await work({ client, storage, replicas, version, pids })
  } finally {
    await Promise.all(replicas.map((pool) => pool.end()))
    await client.stop()
  }
}

/** As one who makes the data by hand: the fence is for applications. @returns the server's version */
async function fill(connection: ConnectionOptions): Promise<string> {
  const session = new pg.Client(connection)
  await session.connect()
  await session.query('set session_replication_role = replica')
  await session.query(`insert into users select i, 'user ' || i from generate_series(1, ${USERS}) i`)
  await session.query('vacuum analyze users')
  const { rows } = await session.query<{ server_version: string }>('show server_version')
  await session.end()
  return rows[0]!.server_version
}

const newRequestId = uuidv7(systemClock, systemRandom())

/** One user's session, without the web tier around it: its token is read with each request and written anew. */
export class Session {
  readonly #bench: Bench
  #token = ''
  constructor(bench: Bench) {
    this.#bench = bench
  }

  async request<R>(work: (client: DataClient) => Promise<R>): Promise<R> {
    const { client, storage } = this.#bench
    const seen = new Scope({ clusters: client.clusterNames, directoryEpoch: 1 }, this.#token)
    const context: RequestContext = { ...detachedContext(newRequestId(), silentLogger), seen }
    const result = await storage.run(context, () => work(client))
    if (seen.isTouched) this.#token = formatSeen(seen.result().seen)
    return result
  }
}

class Scope extends SeenRecord {
  readonly #token: string
  constructor(directory: { clusters: readonly string[]; directoryEpoch: number }, token: string) {
    super(directory)
    this.#token = token
  }
  protected override load(): Seen {
    return this.#token === '' ? NOTHING_SEEN : (parseSeen(this.#token) ?? NOTHING_SEEN)
  }
}
