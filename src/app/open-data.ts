import { systemClock } from '../core/clock.ts'
import { createContextStorage, detachedContext } from '../core/context.ts'
import { type Logger, silentLogger } from '../core/log.ts'
import { systemRandom } from '../core/random.ts'
import { isUuid } from '../core/uuid.ts'
import { type ConnectionOptions, clusterOf, DataClient, prepareData } from '../data/index.ts'
import { idSource } from './ids.ts'
import { dataHandles, spaceHandles } from './shards.ts'
import type { DataShard, HomeSchema, Placing, Space, SpaceSchema, System } from './types.ts'

/** The servers of one cluster. */
type Servers = readonly [ConnectionOptions, ...ConnectionOptions[]]

export interface OpenDataOptions<Schema, P extends Placing<Schema>> {
  /**
   * One database per cluster; the first is the home cluster. Of a cluster with replicas a list of all its servers, in any order
   * and in whatever roles: reads and writes go to whichever is the primary.
   */
  readonly databases: readonly (ConnectionOptions | Servers)[]
  readonly placing: P
  /** Folder of plain SQL files. The platform's own tables come in any case, in the schema `tenfold`. */
  readonly migrations?: URL
  /** Connections per cluster for writes, and as many for slow reads. @defaultValue 10 */
  readonly connectionsMax?: number
  readonly log?: Logger
}

/** The data joint alone, on your own PostgreSQL. */
export interface OpenData<Schema, P extends Placing<Schema>>
  extends Pick<System<Schema, P>, 'shards' | 'ids'>,
    AsyncDisposable {
  readonly shard: {
    readonly [S in keyof P['keys'] & string]: Space<
      SpaceSchema<Schema, P, S>,
      DataShard<SpaceSchema<Schema, P, S>>
    >
  }
  /** Tables of no key space. */
  readonly home: DataShard<HomeSchema<Schema, P>>
  /**
   * Runs `work` as the request of this id: the same id again, in any process, finds the writes applied and gets
   * their results. Any UUID will do; UUIDv7 keeps markers in the order of time. Reads go to the primary: nothing here remembers
   * what a session has seen.
   */
  request<R>(id: string, work: () => Promise<R>): Promise<R>
  stop(): Promise<void>
}

/**
 * Opens the data joint without the rest of the platform: exactly-once writes, the fence, shards and ids, for a
 * server that has its own web framework.
 *
 * @example
 * ```ts
 * const data = await openData<Schema>()({ databases: [connection], placing: { keys: { user: { type: 'bigint', columns: { users: 'id' } } } } })
 * await data.request(requestId, () => data.shard.user(7).write('create', (tx) => tx.query('insert into users values (7)')))
 * await data.stop()
 * ```
 */
export function openData<Schema>() {
  return async <const P extends Placing<Schema>>(
    options: OpenDataOptions<Schema, P>,
  ): Promise<OpenData<Schema, P>> => {
    const { placing, databases, migrations, connectionsMax = 10, log = silentLogger } = options
    const clusters = databases.map((servers, at) =>
      clusterOf(`c${at}`, isList(servers) ? servers : [servers]),
    )
    await prepareData({ clusters, placing, migrations, log })
    const storage = createContextStorage()
    const clock = systemClock
    const random = systemRandom()
    const data = new DataClient({
      clusters,
      placing,
      storage,
      log,
      clock,
      random,
      connectionsMax,
      doubleRun: false,
    })
    await data.start()
    const spaces = Object.keys(placing.keys)
    const handle = dataHandles(data)
    return {
      shard: spaceHandles(data, spaces, handle) as never,
      shards: { read: (work, how) => data.readEach((db, cluster) => work(db as never, cluster), how) },
      home: handle('home') as never,
      ids: idSource(data, spaces) as never,
      request: (id, work) => {
        if (!isUuid(id))
          throw new RangeError(`A request id is a UUID in lower case, not ${JSON.stringify(id)}`)
        return storage.run(detachedContext(id, log), work)
      },
      stop: () => data.stop(),
      [Symbol.asyncDispose]: () => data.stop(),
    }
  }
}

const isList = (servers: ConnectionOptions | Servers): servers is Servers => Array.isArray(servers)
