import { type Clock, systemClock } from '../core/clock.ts'
import type { ContextStorage } from '../core/context.ts'
import type { PositionDemand } from '../core/effects.ts'
import type { Logger } from '../core/log.ts'
import type { RandomSource } from '../core/random.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import { Audit } from './audit.ts'
import { cacheMetrics } from './cache-metrics.ts'
import { GuaranteedCache } from './cached.ts'
import { HotKeys } from './hot-keys.ts'
import { type CacheKeyReport, type CacheReport, reportKey, reportLevel } from './inspect.ts'
import { BOUND_MS, MemoryLevel } from './level.ts'
import { MemoryPlainCache } from './plain.ts'
import type { CacheSource } from './ports.ts'

/** Estimated bytes of the guaranteed cache. */
export const BYTES_MAX = 64 * 2 ** 20
/** Estimated bytes of `system.cache`. */
export const PLAIN_BYTES_MAX = 16 * 2 ** 20

/** A second is not equally long for all processes; far less than this apart. */
const CLOCKS_APART = 1.1

export interface CacheOptions {
  readonly source: CacheSource
  readonly storage: ContextStorage
  readonly metrics: MetricsRegistry
  readonly random: RandomSource
  readonly log: Logger
  /** Whom to ask for positions; looked up at each use, since the relay is made with the level. */
  readonly demand: PositionDemand
  /** Of positions and deadlines: the same as the relay's. @defaultValue the machine's */
  readonly clock?: Clock | undefined
  /** Of times to live. @defaultValue `clock` */
  readonly ttlClock?: Clock | undefined
  readonly clusters?: number | undefined
  /** @defaultValue 64 MiB */
  readonly bytesMax?: number | undefined
  /** @defaultValue 16 MiB */
  readonly plainBytesMax?: number | undefined
  /** How old the level's position may be: the staleness for those who have not seen a commit. @defaultValue 1_000 */
  readonly boundMs?: number | undefined
  /** Whether other processes answer sessions from levels of their own, with the same bound. @defaultValue false */
  readonly shared?: boolean | undefined
  /** Tests: compare every hit with its loader. @defaultValue false */
  readonly audit?: boolean | undefined
}

/** The cache of one process. */
export interface Cache {
  /** Follows the commits; register it with the relay. */
  readonly level: MemoryLevel
  readonly guaranteed: GuaranteedCache
  readonly plain: MemoryPlainCache
  inspect(): CacheReport
  inspectKey(key: string): CacheKeyReport
}

/** Puts the parts of the cache together. Nothing runs by itself, nothing has to be stopped. */
export function createCache(options: CacheOptions): Cache {
  const { source, storage, random, log, demand, clock = systemClock, bytesMax = BYTES_MAX } = options
  const { ttlClock = clock, plainBytesMax = PLAIN_BYTES_MAX } = options
  const metrics = cacheMetrics(options.metrics)
  let audit: Audit | undefined
  const level = new MemoryLevel({
    bytesMax,
    clusters: options.clusters,
    boundMs: options.boundMs,
    monotonic: () => clock.monotonic(),
    onEvict: () => {
      metrics.evictions.value++
    },
    onInvalidate: options.audit ? (text) => audit?.invalidated(text) : undefined,
  })
  if (options.audit) audit = new Audit(level, demand, clock)
  const hotKeys = new HotKeys(random)
  const guaranteed = new GuaranteedCache({
    level,
    source,
    storage,
    demand,
    clock,
    ttlClock,
    random,
    pastMs: options.shared ? (options.boundMs ?? BOUND_MS) * CLOCKS_APART : undefined,
    metrics,
    hotKeys,
    log,
    audit,
  })
  return {
    level,
    guaranteed,
    plain: new MemoryPlainCache({ bytesMax: plainBytesMax, clock: ttlClock }),
    inspect: () => reportLevel(level, hotKeys, bytesMax, clock.monotonic()),
    inspectKey: (key) => reportKey(level, key, ttlClock.monotonic()),
  }
}
