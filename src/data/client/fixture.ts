import type { TestContext } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { type ContextStorage, createContextStorage, detachedContext, type RequestContext } from '../../core/context.ts'
import { silentLogger } from '../../core/log.ts'
import { systemRandom } from '../../core/random.ts'
import { uuidv7 } from '../../core/uuid.ts'
import { testDatabase } from '../../testing/postgres.ts'
import { prepareData } from '../prepare.ts'
import type { PlacedTables } from '../shards/placing.ts'
import { DataClient } from './data-client.ts'
import type { ClusterOptions, ConnectionOptions } from './types.ts'

/** Tables of the data client's own tests. */
export const PLACING: PlacedTables = {
  keys: {
    user: { type: 'bigint', columns: { users: 'id', notes: 'owner_id' } },
    handle: { type: 'text', columns: { handles: 'handle' } },
  },
  global: ['countries'],
}

/** A data client on fresh databases, with tables, buckets and fence; all of it goes with the test. */
export interface Fixture {
  readonly client: DataClient
  readonly storage: ContextStorage
  readonly connections: readonly ConnectionOptions[]
  /** Another client on the same databases, as another process would have. */
  another(options?: { connections?: readonly ConnectionOptions[] }): Promise<DataClient>
  /** Runs `work` as a request of this id. */
  asRequest<R>(requestId: string, work: (context: RequestContext) => Promise<R>): Promise<R>
}

export const newRequestId = uuidv7(systemClock, systemRandom())

export async function fixture(t: TestContext, { clusters = 1, doubleRun = false, durable = false } = {}): Promise<Fixture> {
  const databases = await Promise.all(Array.from({ length: clusters }, () => testDatabase({ durable })))
  const clients: DataClient[] = []
  t.after(async () => {
    await Promise.all(clients.map((client) => client.stop()))
    await Promise.all(databases.map(({ drop }) => drop()))
  })
  const connections = databases.map(({ connection }) => connection)
  const named = (list: readonly ConnectionOptions[]): ClusterOptions[] => list.map((connection, at) => ({ name: `c${at}`, connection }))
  await prepareData({ clusters: named(connections), placing: PLACING, migrations: new URL('./fixture/', import.meta.url), log: silentLogger })
  const storage = createContextStorage()
  const another = async (options: { connections?: readonly ConnectionOptions[] } = {}): Promise<DataClient> => {
    const client = new DataClient({ clusters: named(options.connections ?? connections), placing: PLACING, storage, log: silentLogger,
      clock: systemClock, random: systemRandom(), connectionsMax: 8, doubleRun })
    clients.push(client)
    await client.start()
    return client
  }
  return {
    client: await another(),
    storage,
    connections,
    another,
    asRequest: (requestId, work) => {
      const context = detachedContext(requestId, silentLogger)
      return storage.run(context, () => work(context))
    },
  }
}
