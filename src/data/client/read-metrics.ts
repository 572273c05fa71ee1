import type { MetricsRegistry } from '../../telemetry/metrics.ts'

/** Why a read that a replica might have answered went to the primary. */
export type FallbackReason = 'token' | 'none' | 'behind' | 'refused'

/** Counts of a cluster's reads and roles, resolved once: each is one addition. */
export interface ReadMetrics {
  readonly replica: { value: number }
  readonly primary: { value: number }
  /** Reads that waited for a replica to catch up. */
  readonly waits: { value: number }
  /** Reads that were sent to another node because the first did not answer. */
  readonly hedges: { value: number }
  /** Answers of the primary that waited until it showed what a replica had. */
  readonly settles: { value: number }
  readonly primaryChanges: { value: number }
  /** Sessions that were told of a loss. */
  readonly lostSessions: { value: number }
  fallback(why: FallbackReason): void
}

/** Declares them. Without a registry they are counted for nobody. */
export function readMetrics(metrics: MetricsRegistry | undefined, cluster: string): ReadMetrics {
  if (!metrics) {
    const count = () => ({ value: 0 })
    return {
      replica: count(),
      primary: count(),
      waits: count(),
      hedges: count(),
      settles: count(),
      primaryChanges: count(),
      lostSessions: count(),
      fallback: () => {},
    }
  }
  const reads = metrics.counter(
    'data_reads_total',
    'Reads of clusters with replicas, by the role of the node that answered',
    ['cluster', 'role'],
  )
  const fallbacks = metrics.counter(
    'data_read_fallbacks_total',
    'Reads that went to the primary because no replica could answer: the token is of another timeline, there is no replica, all are behind, or one refused',
    ['cluster', 'why'],
  )
  const one = (name: string, help: string) => metrics.counter(name, help, ['cluster']).child({ cluster })
  return {
    replica: reads.child({ cluster, role: 'replica' }),
    primary: reads.child({ cluster, role: 'primary' }),
    waits: one('data_read_waits_total', 'Reads that waited for a replica to catch up'),
    hedges: one('data_read_hedges_total', 'Reads that were sent to another node as the first did not answer'),
    settles: one(
      'data_read_settles_total',
      'Times that the primary was asked whether it shows what a replica had shown a session',
    ),
    primaryChanges: one('data_primary_changes_total', 'Times that another node became the primary'),
    lostSessions: one(
      'data_lost_sessions_total',
      'Sessions that were told that a failover with loss may have taken what they have seen',
    ),
    fallback: (why) => {
      fallbacks.child({ cluster, why }).value++
    },
  }
}
