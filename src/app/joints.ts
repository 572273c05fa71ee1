import { type Cache, createCache } from '../cache/index.ts'
import { shardPrefix } from '../core/cache-key.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import type { ContextStorage } from '../core/context.ts'
import type { Service } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import type { UpkeepSessions } from '../core/ports.ts'
import type { RandomSource } from '../core/random.ts'
import type { DataClient } from '../data/index.ts'
import {
  createEffects,
  createRemoteEffects,
  doorTo,
  type EffectsService,
  type RemoteEffectsOptions,
  requireSecret,
} from '../effects/index.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import { cacheSource } from './cache-source.ts'
import type { OutboxPorts } from './outbox.ts'
import type { RelayOptions, RuntimeOptions } from './runtime.ts'
import { type MakeHandle, shardHandles } from './shards.ts'
import type { Shard } from './types.ts'

/** What the joints stand on. */
export interface JointsBase {
  readonly data: DataClient
  readonly sessions: UpkeepSessions
  readonly storage: ContextStorage
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  readonly metrics: MetricsRegistry
}

/** Whatever follows a commit in this process: the relay with the cache behind it. */
export interface FollowingJoints {
  readonly effects: EffectsService
  readonly cache: Cache
}

/** The cache follows the relay, and asks it for positions: each has the other. */
export function wireFollowing(
  base: JointsBase,
  { cacheAudit, cacheBytes, clusters, relay, soleProcess = false }: RuntimeOptions,
): FollowingJoints {
  const { data, sessions, storage, clock, random, log, metrics } = base
  let effects: EffectsService | undefined
  const cache = createCache({
    source: cacheSource(data),
    storage,
    metrics,
    random,
    log,
    demand: { demand: (cluster, lsn) => effects?.demand.demand(cluster, lsn) },
    // Positions concern real servers; only times to live move with a test's clock.
    clock: systemClock,
    ttlClock: clock,
    clusters: data.clusterNames.length,
    bytesMax: cacheBytes,
    audit: cacheAudit,
    // Of relays of their own one leads; but whoever led until its session was lost may answer for a second more. And what is
    // shown here a replica that answers next may not have.
    shared: !soleProcess || clusters.some(({ members = [] }) => members.length > 1),
  })
  const common = { followers: [cache.level], clock: systemClock, log, metrics }
  effects = relay ? followRelays(base, relay, common) : createEffects({ ...common, sessions })
  return { effects, cache }
}

/** @throws RangeError when there is no address, or the secret is missing or too short */
function followRelays(
  { data, random }: JointsBase,
  { addresses, secret, name = `process ${process.pid}` }: RelayOptions,
  common: Pick<RemoteEffectsOptions, 'followers' | 'clock' | 'log' | 'metrics'>,
): EffectsService {
  if (addresses.length === 0) throw new RangeError('There is no address of a relay')
  requireSecret(addresses, secret)
  return createRemoteEffects({
    ...common,
    clusters: data.clusterNames,
    doors: addresses.map(doorTo),
    name,
    secret,
    random,
  })
}

/** Handles of shards with everything that hangs on them. */
export function handlesWithJoints(
  data: DataClient,
  { cache }: FollowingJoints,
  outbox: OutboxPorts,
): MakeHandle<Shard<never>> {
  const { guaranteed } = cache
  return shardHandles(data, {
    outbox,
    place: (placement) => ({ placement, prefix: shardPrefix(placement) }),
    cached: (place, key, options, work) => guaranteed.cached(place, key, options, work),
  })
}

/** Starts what every process of an application runs beside its requests; stops the last first. */
export function together(services: readonly Service[]): Service {
  return {
    start: async () => {
      for (const service of services) await service.start()
    },
    stop: async () => {
      for (const service of [...services].reverse()) await service.stop()
    },
  }
}
