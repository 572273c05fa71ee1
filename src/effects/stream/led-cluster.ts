import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { Lsn } from '../../core/lsn.ts'
import type { UpkeepSessions } from '../../core/ports.ts'
import type { RelayStatus } from '../../core/topology.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import { Floors } from '../floors.ts'
import { Followers } from '../followers.ts'
import { watchRelay } from '../gauges.ts'
import { History } from '../history.ts'
import { Relay } from '../relay.ts'
import { relayTally } from '../tally.ts'
import { Waiting } from '../waiting.ts'
import { Batches } from './batches.ts'
import type { Channel } from './channel.ts'
import type { Down } from './messages.ts'
import { RemoteFollower } from './remote-follower.ts'
import type { Term } from './term.ts'
import type { Ticks } from './ticks.ts'

/** What the relays of a node need. */
export interface LedOptions {
  readonly sessions: UpkeepSessions
  readonly clock: Clock
  readonly log: Logger
  readonly metrics: MetricsRegistry
}

/** The relay of one cluster in a process that commits nothing itself, and those who follow it from elsewhere. */
export class LedCluster {
  readonly name: string
  readonly #relay: Relay
  readonly #followers: Followers
  readonly #remote = new Set<RemoteFollower>()
  readonly #batches: Batches
  #term: Term | undefined

  constructor(name: string, { sessions, clock, log, metrics }: LedOptions) {
    this.name = name
    this.#batches = new Batches(name)
    this.#followers = new Followers(name, [], { clock, log })
    const floors = new Floors()
    this.#relay = new Relay({
      cluster: name,
      session: sessions.open(name, 'relay'),
      followers: this.#followers,
      floors,
      history: new History(this.#followers, () => floors.clear()),
      waiting: new Waiting(() => {}),
      clock,
      log,
      tally: relayTally(metrics, name),
      onTerm: (term) => this.#begin(term),
    })
    watchRelay(metrics, name, this.#relay)
  }

  start(): void {
    this.#relay.start()
  }

  stop(): Promise<void> {
    return this.#relay.stop()
  }

  describe(): RelayStatus {
    return this.#relay.describe()
  }

  /**
   * Adds a subscriber. From now on nothing is deleted that it has not acknowledged; what was deleted before was visible
   * before, and the subscriber begins with nothing when it hears of this.
   */
  join(name: string, channel: Channel<Down>, ticks: Ticks): RemoteFollower {
    const follower = new RemoteFollower({
      cluster: this.name,
      name,
      channel,
      ticks,
      batches: this.#batches,
      term: () => this.#term,
    })
    this.#remote.add(follower)
    this.#followers.add(follower)
    follower.reset(this.name)
    this.#relay.nudge()
    return follower
  }

  leave(follower: RemoteFollower): void {
    this.#remote.delete(follower)
    this.#followers.remove(follower)
    follower.close()
  }

  demand(lsn: Lsn): void {
    this.#relay.demand(lsn)
  }

  /** A subscriber has committed something, and has, if `given`, what follows from it. */
  nudge(given: boolean): void {
    if (given && this.#followers.size === 1) this.#relay.tidy()
    else this.#relay.nudge()
  }

  #begin(term: Term | undefined): void {
    const former = this.#term
    this.#term = term
    if (former !== undefined && term === undefined) for (const follower of this.#remote) follower.end()
  }
}
