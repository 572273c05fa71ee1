import type { CacheSource } from '../cache/ports.ts'
import type { DataClient } from '../data/client/data-client.ts'
import { DeadlineExceeded } from '../data/errors.ts'
import { clusterOf } from '../data/shards/directory.ts'

/** How the cache reads: through the data client, on the primary of the shard. */
export function cacheSource(data: DataClient): CacheSource {
  return {
    clusterOf: (placement) =>
      placement === 'home' ? (data.clusterNames[0] as string) : clusterOf(data.directory, placement),
    epochOf: (placement) =>
      placement === 'home' ? 0 : (data.directory.bucketEpoch[placement.bucket] as number),
    load: ({ placement }, work, span, deadlineMs) => {
      const options = { span, deadlineMs }
      if (placement === 'home') return data.readHome((db) => work(db as never), options)
      return data.readAt(placement, (db) => work(db as never), options)
    },
    settle: (cluster, deadlineMs) => data.settle(cluster, deadlineMs),
    timedOut: (what, deadlineMs) => new DeadlineExceeded(what, deadlineMs),
  }
}
