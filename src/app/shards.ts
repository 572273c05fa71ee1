import type { KeyInput } from '../core/keys.ts'
import type { Aim, DataClient } from '../data/client/data-client.ts'
import { clusterOf } from '../data/shards/directory.ts'
import type { Db, ReadOptions, Shard, Space, Tx, WriteOptions } from './types.ts'

/** The handles of every key space, as `system.shard`. */
export function shardHandles(client: DataClient, spaces: readonly string[]): Record<string, Space<never>> {
  return Object.fromEntries(spaces.map((space) => [space, spaceHandle(client, space)]))
}

function spaceHandle(client: DataClient, space: string): Space<never> {
  const at = (key: KeyInput) => shardAt(client, client.target(space, key))
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
  return Object.assign(at, {
    many,
    ofId: (id: string) => shardAt(client, client.targetOfId(space, id)),
  }) as Space<never>
}

function shardAt(client: DataClient, aim: Aim): Shard<never> {
  return {
    read: (work, options) => client.readAt(aim.placement, (db) => work(db as never), options),
    write: (name: string, work: (tx: Tx<never>) => Promise<unknown>, options?: WriteOptions) =>
      client.writeAt(aim, name, (tx) => work(tx as never), options) as never,
  }
}

/** Tables of no key space, as `system.home`. */
export function homeHandle(client: DataClient): Shard<never> {
  return {
    read: (work, options) => client.readHome((db) => work(db as never), options),
    write: (name: string, work: (tx: Tx<never>) => Promise<unknown>, options?: WriteOptions) =>
      client.writeHome(name, (tx) => work(tx as never), options) as never,
  }
}
