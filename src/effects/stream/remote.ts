import type { Clock } from '../../core/clock.ts'
import type { Doubt, Effects, LocalFollower } from '../../core/effects.ts'
import { lifecycle } from '../../core/lifecycle.ts'
import type { Logger } from '../../core/log.ts'
import type { RandomSource } from '../../core/random.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import type { EffectsService } from '../effects.ts'
import { watchFollowed } from '../gauges.ts'
import { FollowedCluster } from './followed-cluster.ts'
import { type Door, Subscription } from './subscription.ts'

/** Milliseconds between two ticks while somebody reads: by so much a position looks older than it is, at most. */
const TICK_MS = 50

export interface RemoteEffectsOptions {
  readonly clusters: readonly string[]
  /** All relays; for each cluster one of them leads. */
  readonly doors: readonly Door[]
  /** Of this process: they also learn of its own commits at once. */
  readonly followers: readonly LocalFollower[]
  /** Of this process, for the relay's log. */
  readonly name: string
  readonly secret?: Buffer | undefined
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  readonly metrics: MetricsRegistry
}

/**
 * The effects of committed transactions in a process without a relay: its own at once, everybody's from the relay that
 * leads. `start` does not wait for a relay; without one, levels are bypassed and nothing fails.
 */
export function createRemoteEffects(options: RemoteEffectsOptions): EffectsService {
  const { doors, clock, metrics } = options
  const subscriptions: Subscription[] = []
  let ticked = Number.NEGATIVE_INFINITY
  const tick = (force: boolean): number => {
    const now = clock.monotonic()
    if (!force && now - ticked < TICK_MS) return ticked
    ticked = now
    for (const subscription of subscriptions) subscription.send({ kind: 'tick', tick: now })
    return now
  }
  const clusters = new Map(
    options.clusters.map((cluster) => [cluster, new FollowedCluster({ ...options, cluster, tick })]),
  )
  const of = (name: string): FollowedCluster => {
    const found = clusters.get(name)
    if (!found) throw new RangeError(`There is no cluster ${JSON.stringify(name)}`)
    return found
  }
  subscriptions.push(
    ...doors.map((door) => new Subscription({ ...options, secret: options.secret, door, clusters })),
  )
  for (const [cluster, followed] of clusters) watchFollowed(metrics, cluster, followed)
  return {
    ...lifecycle(
      async () => {
        for (const subscription of subscriptions) subscription.start()
      },
      async () => {
        for (const subscription of subscriptions) subscription.stop()
      },
    ),
    local: {
      begin: (cluster, marker, effects): Doubt => of(cluster).commits.begin(marker, effects),
      replayed: (cluster: string, marker: string, effects: Effects, position) =>
        of(cluster).commits.replayed(marker, effects, position),
    },
    // A token may name a cluster that is not ours.
    demand: { demand: (cluster, lsn) => clusters.get(cluster)?.demand(lsn) },
    status: () => Object.fromEntries([...clusters].map(([name, cluster]) => [name, cluster.describe()])),
  }
}
