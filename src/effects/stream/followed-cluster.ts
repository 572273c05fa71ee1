import type { Clock } from '../../core/clock.ts'
import type { FollowerPosition, LocalFollower } from '../../core/effects.ts'
import type { Logger } from '../../core/log.ts'
import { formatLsn, type Lsn } from '../../core/lsn.ts'
import type { RelayStatus } from '../../core/topology.ts'
import { Floors } from '../floors.ts'
import { Followers } from '../followers.ts'
import { History } from '../history.ts'
import { LocalCommits } from '../local.ts'
import { Waiting } from '../waiting.ts'
import type { Down, SentEffects, Up } from './messages.ts'
import { isBefore, type Term } from './term.ts'

/** A relay at the other end of a connection. */
export interface Upstream {
  send(message: Up): void
  /** Starts anew. */
  close(reason: string): void
}

/** What a {@link FollowedCluster} works with. */
export interface FollowedParts {
  readonly cluster: string
  readonly followers: readonly LocalFollower[]
  readonly clock: Clock
  readonly log: Logger
  /** Sends a tick to all relays, unless there was one just now. @returns the last one that was sent */
  readonly tick: (force: boolean) => number
}

/** Something that was asked of the relay, until a position tells that it has begun a pass since. */
interface Asked<What> {
  readonly what: What
  readonly tick: number
}

/**
 * What this process knows of one cluster from a relay elsewhere. Of all relays only one counts, the source: the one whose
 * term is the latest. Each term and each connection begins with empty followers.
 */
export class FollowedCluster {
  readonly commits: LocalCommits
  readonly #parts: FollowedParts
  readonly #floors = new Floors()
  readonly #history: History
  readonly #waiting: Waiting
  #source: Upstream | undefined
  #term: Term | undefined
  #position: FollowerPosition | undefined
  #demanded: Asked<Lsn> | undefined
  /** `what`: whether this process has what it tells of. */
  #nudged: Asked<boolean> | undefined
  /** Something was committed since the last nudge. */
  #unsaid: { given: boolean } | undefined
  /** When `#source` became one, or none; milliseconds since the epoch. */
  #since: number

  constructor(parts: FollowedParts) {
    const { cluster, followers, clock, log } = parts
    this.#parts = parts
    this.#since = clock.now()
    this.#history = new History(new Followers(cluster, followers, { clock, log }), () => this.#floors.clear())
    this.#waiting = new Waiting((keys) => {
      for (const follower of followers) follower.release(cluster, keys)
    })
    this.commits = new LocalCommits({
      cluster,
      followers,
      floors: this.#floors,
      history: this.#history,
      waiting: this.#waiting,
      clock,
      log,
      nudge: (marker) => this.#nudge(marker !== undefined),
    })
  }

  get follows(): boolean {
    return this.#source !== undefined
  }

  /** A relay leads, and tells from here on. An earlier leader that does not know of its end is not heard. */
  begin(from: Upstream, term: Term): void {
    if (this.#source && this.#source !== from && this.#term && isBefore(term, this.#term)) return
    this.#follow(from)
    this.#term = term
    // What happened between two streams, nobody tells.
    this.#history.reset()
    this.#parts.tick(true)
  }

  /** Applies a batch, from whichever relay: effects commute. The answer is sent after the last of it is applied. */
  effects(from: Upstream, { batch, last, rows }: Extract<Down, { kind: 'effects' }>): void {
    const { cluster, followers } = this.#parts
    const news = rows.filter((row) => !this.#isOwn(row))
    try {
      if (news.length > 0) for (const follower of followers) follower.apply(cluster, news)
    } catch (err) {
      this.#parts.log.error(
        { err, cluster },
        'effects were not applied here; this process starts anew with the relay',
      )
      from.close('effects were not applied')
      return
    }
    this.#floors.forget(rows.map(({ marker }) => marker))
    if (last) from.send({ kind: 'applied', cluster, batch })
  }

  /** @param message its tick is a time of this process: whatever the LSN stands for was looked up after that */
  advance(from: Upstream, { lsn, timeline, tick }: Extract<Down, { kind: 'position' }>): void {
    if (from !== this.#source || !this.#history.admits(timeline)) return
    const { cluster, followers } = this.#parts
    this.#position = { lsn, timeline, takenAt: tick }
    for (const follower of followers) follower.advance(cluster, this.#position)
    this.#waiting.passed(tick)
    if (this.#demanded && this.#demanded.tick <= tick) this.#demanded = undefined
    if (!this.#nudged || this.#nudged.tick > tick) return
    this.#nudged = undefined
    const unsaid = this.#unsaid
    this.#unsaid = undefined
    if (unsaid) this.#nudge(unsaid.given)
  }

  /** This relay leads no longer, or the connection is lost. The position stays until it is too old. */
  end(from: Upstream): void {
    if (from === this.#source) this.#follow(undefined)
  }

  /** See `PositionDemand`. */
  demand(lsn: Lsn): void {
    const source = this.#source
    if (!source) return
    const position = this.#position
    const known = this.#demanded
    const isNew = known === undefined || (lsn > known.what && (position === undefined || lsn >= position.lsn))
    if (isNew) {
      source.send({ kind: 'demand', cluster: this.#parts.cluster, lsn })
      this.#demanded = { what: lsn, tick: this.#parts.tick(true) }
    } else this.#parts.tick(false)
  }

  /** For `status`. */
  describe(): RelayStatus {
    const position = this.#position
    return {
      leads: false,
      since: new Date(this.#since).toISOString(),
      position: position ? formatLsn(position.lsn) : null,
      ageMs: position ? Math.round(this.#parts.clock.monotonic() - position.takenAt) : null,
      pendingEffects: null,
    }
  }

  #follow(source: Upstream | undefined): void {
    if ((source === undefined) !== (this.#source === undefined)) this.#since = this.#parts.clock.now()
    this.#source = source
    this.#demanded = undefined
    // Whoever begins looks at everything.
    this.#nudged = undefined
    this.#unsaid = undefined
  }

  /** Applied here already, with the lower floor of the commit itself, and the followers have not started anew since. */
  #isOwn({ marker }: SentEffects): boolean {
    return this.#floors.of(marker) !== undefined
  }

  /** At most one for each pass of the relay. */
  #nudge(given: boolean): void {
    if (!this.#source) return
    if (this.#nudged && (given || !this.#nudged.what)) {
      this.#unsaid = { given: given && (this.#unsaid?.given ?? true) }
      return
    }
    this.#source.send({ kind: 'nudge', cluster: this.#parts.cluster, given })
    this.#nudged = { what: given, tick: this.#parts.tick(true) }
  }
}
