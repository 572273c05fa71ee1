import type { ContextStorage } from '../../core/context.ts'
import { placementOf } from '../../core/keys.ts'
import type { SystemStore } from '../../core/ports.ts'
import type { RandomSource } from '../../core/random.ts'
import { NestedWrite } from '../errors.ts'
import { clusterOf } from '../shards/directory.ts'
import { hashText } from '../shards/hash.ts'
import { applyUnmarked, conversing, type Fence, inOneTrip, type Transact } from './apply.ts'
import type { DataClient } from './data-client.ts'

/** The platform's own records on the clusters; see {@link SystemStore}. */
export function systemStore(client: DataClient, random: RandomSource, storage: ContextStorage): SystemStore {
  const aim = (hash: number) => ({ key: `tenfold#${hash}`, placement: placementOf(hash) })
  const apply = <R>(route: () => string, transact: Transact<R>): Promise<R> =>
    applyUnmarked({ route: () => client.cluster(route()), random, refresh: () => client.refresh() }, transact)
  const applyAt = <R>(hash: number, transact: (fence: Fence) => Transact<R>): Promise<R> => {
    // It takes a session of its own: inside a write, two of them could wait for each other.
    const outer = storage.current()?.write
    if (outer) throw new NestedWrite('of the platform (session, limit)', outer.name)
    const { bucket, tag } = placementOf(hash)
    const fence = (): readonly unknown[] => [bucket, tag, client.directory.bucketEpoch[bucket]]
    return apply(() => clusterOf(client.directory, { bucket, tag }), transact(fence))
  }
  return {
    hash: hashText,
    // Sessions and reservations decide: what a replica does not know yet would be a no.
    read: (hash, work) => client.readAt(placementOf(hash), (db) => work(db), { primary: true }),
    write: (hash, name, work) => client.writeAt(aim(hash), name, (tx) => work(tx)) as never,
    apply: async (hash, ...statements) => applyAt(hash, (fence) => inOneTrip(fence, statements)),
    applyWork: async (hash, work) => applyAt(hash, (fence) => conversing(work, fence)),
    everywhere: async (work) => {
      for (const name of client.clusterNames) await apply(() => name, conversing(work))
    },
  }
}
