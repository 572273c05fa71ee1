import type { Clock } from '../core/clock.ts'
import type { Doubt, Effects, Follower, LocalEffects, PositionDemand } from '../core/effects.ts'
import type { Service } from '../core/lifecycle.ts'
import { lifecycle } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import type { UpkeepSessions } from '../core/ports.ts'
import type { SystemStatus } from '../core/topology.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import { Floors } from './floors.ts'
import { Followers, isLocal } from './followers.ts'
import { watchRelay } from './gauges.ts'
import { History } from './history.ts'
import { LocalCommits } from './local.ts'
import { Relay } from './relay.ts'
import { relayTally } from './tally.ts'
import { Waiting } from './waiting.ts'

/** What the effects of committed transactions are delivered with. */
export interface EffectsOptions {
  readonly sessions: UpkeepSessions
  /** A `LocalFollower` among them also learns of this process's commits at once. */
  readonly followers: readonly Follower[]
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MetricsRegistry
}

/**
 * The effects of committed transactions: this process's own at once, everybody's by a relay for each cluster.
 * `start` does not wait for PostgreSQL; `stop` leaves what is not delivered to the next leader.
 */
export interface EffectsService extends Service {
  readonly local: LocalEffects
  readonly demand: PositionDemand
  /** By cluster, also where another leads. */
  status(): SystemStatus['relay']
}

/** Makes the service; nothing has been started. */
export function createEffects(options: EffectsOptions): EffectsService {
  const clusters = new Map(options.sessions.clusters.map((name) => [name, new ClusterEffects(name, options)]))
  const of = (name: string): ClusterEffects => {
    const found = clusters.get(name)
    if (!found) throw new RangeError(`There is no cluster ${JSON.stringify(name)}`)
    return found
  }
  const all = [...clusters.values()]
  return {
    ...lifecycle(
      async () => {
        for (const { relay } of all) relay.start()
      },
      async () => {
        await Promise.all(all.map(({ relay }) => relay.stop()))
      },
    ),
    local: {
      begin: (cluster, marker, effects): Doubt => of(cluster).commits.begin(marker, effects),
      replayed: (cluster: string, marker: string, effects: Effects, position) =>
        of(cluster).commits.replayed(marker, effects, position),
    },
    // A token may name a cluster that is not ours.
    demand: { demand: (cluster, lsn) => clusters.get(cluster)?.relay.demand(lsn) },
    status: () => Object.fromEntries([...clusters].map(([name, { relay }]) => [name, relay.describe()])),
  }
}

/** What belongs to one cluster. */
class ClusterEffects {
  readonly commits: LocalCommits
  readonly relay: Relay

  constructor(cluster: string, { sessions, followers: all, clock, log, metrics }: EffectsOptions) {
    const local = all.filter(isLocal)
    const floors = new Floors()
    const followers = new Followers(cluster, all, { clock, log })
    const history = new History(followers, () => floors.clear())
    const waiting = new Waiting((keys) => {
      for (const follower of local) follower.release(cluster, keys)
    })
    const session = sessions.open(cluster, 'relay')
    const shared = { cluster, floors, history, waiting, clock, log }
    const tally = relayTally(metrics, cluster)
    this.relay = new Relay({ ...shared, session, followers, tally })
    this.commits = new LocalCommits({ ...shared, followers: local, nudge: this.relay.nudge })
    watchRelay(metrics, cluster, this.relay)
  }
}
