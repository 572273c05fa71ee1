import type { MetricsRegistry } from '../telemetry/metrics.ts'
import type { FillRefusal, Refusal } from './level.ts'

/** Counts of the guaranteed cache, resolved once: each is one addition. */
export interface CacheMetrics {
  readonly hits: { value: number }
  readonly stale: { value: number }
  readonly shared: { value: number }
  readonly evictions: { value: number }
  miss(why: Refusal): void
  load(outcome: 'stored' | 'failed' | FillRefusal): void
  /** Brings the gauges up to date. */
  observe(size: number, bytes: number): void
}

/** Declares the cache's metrics. */
export function cacheMetrics(metrics: MetricsRegistry): CacheMetrics {
  const reads = metrics.counter('cache_reads_total', 'Reads of the guaranteed cache, by result', ['result'])
  const loads = metrics.counter(
    'cache_loads_total',
    'Loads for the guaranteed cache: stored, failed, or why not stored',
    ['outcome'],
  )
  const evictions = metrics.counter('cache_evictions_total', 'Cached values that went for want of room')
  const entries = metrics.gauge('cache_entries', 'Cached values').child()
  const held = metrics.gauge('cache_bytes', 'Estimated bytes of cached values and floors').child()
  return {
    hits: reads.child({ result: 'hit' }),
    stale: reads.child({ result: 'stale' }),
    shared: reads.child({ result: 'shared' }),
    evictions: evictions.child(),
    miss: (why) => {
      reads.child({ result: why }).value++
    },
    load: (outcome) => {
      loads.child({ outcome }).value++
    },
    observe: (size, bytes) => {
      entries.value = size
      held.value = bytes
    },
  }
}
