import type { CacheKey } from '../core/cache-key.ts'
import type { Jsonified } from '../core/json.ts'
import type { KeyInput, Placement } from '../core/keys.ts'
import type { Aim, DataClient } from '../data/client/data-client.ts'
import { clusterOf } from '../data/shards/directory.ts'
import { type OutboxPorts, transactionWithOutbox } from './outbox.ts'
import type {
  CachedOptions,
  DataShard,
  DataTx,
  Db,
  ReadOptions,
  Shard,
  Space,
  Tx,
  WriteOptions,
} from './types.ts'

/** Handles that a space remembers: making one means checking and hashing its key. */
const HANDLES_MAX = 10_000

/** Reads and writes of one place: a shard, or the home tables. */
export class DataHandle implements DataShard<never> {
  protected readonly client: DataClient
  protected readonly aim: Aim | 'home'

  constructor(client: DataClient, aim: Aim | 'home') {
    this.client = client
    this.aim = aim
  }

  read<R>(work: (db: Db<never>) => Promise<R>, options?: ReadOptions): Promise<R> {
    const { aim, client } = this
    if (aim === 'home') return client.readHome((db) => work(db as never), options)
    return client.readAt(aim.placement, (db) => work(db as never), options)
  }

  write<R>(
    name: string,
    work: (tx: DataTx<never>) => Promise<R>,
    options?: WriteOptions,
  ): Promise<Jsonified<R>> {
    const { aim, client } = this
    if (aim === 'home') return client.writeHome<never, R>(name, work, options)
    return client.writeAt<never, R>(aim, name, work, options)
  }
}

/** What a shard needs besides its rows; `Place` is the cache's own idea of where it lies. */
export interface ShardJoints<Place> {
  readonly outbox: OutboxPorts
  readonly place: (placement: Placement | 'home') => Place
  readonly cached: (
    place: Place,
    key: CacheKey,
    options: CachedOptions,
    work: (db: never) => Promise<unknown>,
  ) => Promise<unknown>
}

class ShardHandle<Place> implements Shard<never> {
  readonly #joints: ShardJoints<Place>
  readonly #place: Place
  readonly #placement: Placement | 'home'
  readonly #data: DataHandle

  constructor(client: DataClient, aim: Aim | 'home', joints: ShardJoints<Place>) {
    this.#joints = joints
    this.#placement = aim === 'home' ? 'home' : aim.placement
    this.#place = joints.place(this.#placement)
    this.#data = new DataHandle(client, aim)
  }

  cached<R>(
    key: CacheKey,
    options: CachedOptions,
    work: (db: Db<never>) => Promise<R>,
  ): Promise<Jsonified<R>> {
    return this.#joints.cached(this.#place, key, options, work as never) as Promise<Jsonified<R>>
  }

  read<R>(work: (db: Db<never>) => Promise<R>, options?: ReadOptions): Promise<R> {
    return this.#data.read(work, options)
  }

  write<R>(name: string, work: (tx: Tx<never>) => Promise<R>, options?: WriteOptions): Promise<Jsonified<R>> {
    const run = (tx: DataTx<never>): Promise<R> =>
      work(transactionWithOutbox(this.#joints.outbox, tx as never, this.#placement) as never)
    return this.#data.write(name, run, options)
  }
}

/** Makes the handle of a place. */
export type MakeHandle<S> = (aim: Aim | 'home') => S

export const dataHandles =
  (client: DataClient): MakeHandle<DataShard<never>> =>
  (aim) =>
    new DataHandle(client, aim)

export const shardHandles =
  <Place>(client: DataClient, joints: ShardJoints<Place>): MakeHandle<Shard<never>> =>
  (aim) =>
    new ShardHandle(client, aim, joints)

/** The handles of every key space, as `system.shard`. */
export function spaceHandles<S>(
  client: DataClient,
  spaces: readonly string[],
  make: MakeHandle<S>,
): Record<string, Space<never, S>> {
  return Object.fromEntries(spaces.map((space) => [space, spaceHandle(client, space, make)]))
}

function spaceHandle<S>(client: DataClient, space: string, make: MakeHandle<S>): Space<never, S> {
  const known = new Map<KeyInput, S>()
  const at = (key: KeyInput): S => {
    let handle = known.get(key)
    if (handle === undefined) {
      handle = make(client.target(space, key))
      if (known.size >= HANDLES_MAX) known.clear()
      known.set(key, handle)
    }
    return handle
  }
  const many = async <Key extends KeyInput, R>(
    keys: readonly Key[],
    work: (db: Db<never>, keys: Key[]) => Promise<R>,
    options?: ReadOptions,
  ): Promise<R[]> => {
    const groups = new Map<string, { aim: Aim; keys: Key[] }>()
    for (const key of keys) {
      const aim = client.target(space, key)
      const cluster = clusterOf(client.directory, aim.placement)
      const group = groups.get(cluster)
      if (group) group.keys.push(key)
      else groups.set(cluster, { aim, keys: [key] })
    }
    return Promise.all(
      [...groups.values()].map((group) =>
        client.readAt(group.aim.placement, (db) => work(db as never, group.keys), options),
      ),
    )
  }
  return Object.assign(at, { many, ofId: (id: string) => make(client.targetOfId(space, id)) })
}
