import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import { Statements } from '../connection/statements.ts'
import { Cluster } from './cluster.ts'
import type { ClusterMember, ClusterOptions } from './types.ts'
import type { Primaries } from './upkeep-session.ts'

/** Milliseconds that a stop waits for sessions that are in use. */
const STOP_MS_MAX = 2_000

/** Who the primaries are, for a process that neither reads nor writes for an application. */
export interface FollowedPrimaries extends Primaries {
  /** The members of a cluster are these now. */
  setMembers(cluster: string, members: readonly ClusterMember[]): void
  stop(): Promise<void>
}

export function followPrimaries(
  clusters: readonly ClusterOptions[],
  {
    clock,
    log,
    metrics,
  }: { readonly clock: Clock; readonly log: Logger; readonly metrics?: MetricsRegistry },
): FollowedPrimaries {
  const statements = new Statements()
  const parts = { connectionsMax: 1, clock, statements, log, metrics }
  const all = new Map(clusters.map((options) => [options.name, new Cluster(options, parts)]))
  const cluster = (name: string): Cluster => all.get(name) as Cluster
  return {
    cluster,
    setMembers: (name, members) => cluster(name).setMembers(members),
    stop: async () => {
      const timer = clock.timer(STOP_MS_MAX, () => {
        for (const one of all.values()) one.destroyAll(new Error('The relay is stopped'))
      })
      await Promise.all([...all.values()].map((one) => one.close()))
      timer.cancel()
    },
  }
}
