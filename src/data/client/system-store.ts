import type { ContextStorage } from '../../core/context.ts'
import { placementOf } from '../../core/keys.ts'
import type { SystemStore } from '../../core/ports.ts'
import type { RandomSource } from '../../core/random.ts'
import { NestedWrite } from '../errors.ts'
import { clusterOf } from '../shards/directory.ts'
import { hashText } from '../shards/hash.ts'
import { applyUnmarked, conversing, inOneTrip, type Transact } from './apply.ts'
import type { DataClient } from './data-client.ts'
import { Gathered } from './gathered.ts'
import { withinRequest } from './outcome.ts'

/** The platform's own records on the clusters; see {@link SystemStore}. */
export function systemStore(client: DataClient, random: RandomSource, storage: ContextStorage): SystemStore {
  const aim = (hash: number) => ({ key: `tenfold#${hash}`, placement: placementOf(hash) })
  const environment = (route: () => string) => ({
    route: () => client.cluster(route()),
    random,
    refresh: () => client.refresh(),
  })
  const known = (error: unknown): never => {
    throw withinRequest(error, storage.current())
  }
  const gathered = new Map(client.clusterNames.map((name) => [name, new Gathered(environment(() => name))]))
  /** @throws NestedWrite inside a write: it takes a session of its own, and two of them could wait for each other */
  const placed = (hash: number) => {
    const outer = storage.current()?.write
    if (outer) throw new NestedWrite('of the platform (session, limit)', outer.name)
    const { bucket, tag } = placementOf(hash)
    const owner = (): string => clusterOf(client.directory, { bucket, tag })
    const fence = (): readonly unknown[] => [bucket, tag, client.directory.bucketEpoch[bucket]]
    const alone = <R>(transact: Transact<R>): Promise<R> => applyUnmarked(environment(owner), transact)
    return { owner, fence, alone }
  }
  return {
    hash: hashText,
    // Sessions and reservations decide: what a replica does not know yet would be a no.
    read: (hash, work) => client.readAt(placementOf(hash), (db) => work(db), { primary: true }),
    write: (hash, name, work) => client.writeAt(aim(hash), name, (tx) => work(tx)) as never,
    apply: async (hash, ...statements) => {
      const { owner, fence, alone } = placed(hash)
      const one = { fence, statements }
      const record = { hash, ...one, alone: async () => (await alone(inOneTrip([one])))[0]! }
      return gathered.get(owner())!.apply(record).catch(known) as never
    },
    applyWork: async (hash, work) => {
      const { fence, alone } = placed(hash)
      return alone(conversing(work, fence)).catch(known)
    },
    everywhere: async (work) => {
      for (const name of client.clusterNames)
        await applyUnmarked(
          environment(() => name),
          conversing(work),
        )
    },
  }
}
