import type { Lsn } from './lsn.ts'
import type { Position } from './position.ts'

/** What an edge is asked to forget. */
export type Purge = { readonly tag: string } | { readonly url: string } | { readonly prefix: string }

/** What one transaction asks of other tiers, as stored in `tenfold.effects` with its rows. */
export interface Effects {
  /** Keys of the guaranteed cache, in the form of {@link cacheKeyText}. */
  readonly invalidate?: readonly string[]
  readonly purge?: readonly Purge[]
}

/** Effects of a transaction that has committed. */
export interface DeliveredEffects {
  readonly effects: Effects
  /** At or above the commit's own LSN: what was read before it may be older than the commit. */
  readonly floor: Lsn
  /** Of the commit, where it is known: by it the process that committed knows its own effects. */
  readonly marker?: string
}

/** A position that followers have reached: everything up to `lsn` is applied, strictly below it for certain. */
export interface FollowerPosition extends Position {
  /** Monotonic milliseconds when the LSN was noted; the age of the position counts from here. */
  readonly takenAt: number
}

/**
 * Whatever follows the commits of the clusters: a level of the cache, an edge. It gets one ordered stream per
 * cluster. Effects commute and are idempotent, and may come more than once.
 */
export interface Follower {
  readonly name: string
  /** Resolves when all of it has been applied. A rejection is retried; nothing is deleted before. */
  apply(cluster: string, batch: readonly DeliveredEffects[]): void | Promise<void>
  /** Everything committed up to `position` has been applied. */
  advance(cluster: string, position: FollowerPosition): void
  /** The history of this cluster is another one (new timeline, restarted primary): forget all that came from it. */
  reset(cluster: string): void
  /**
   * Present in one that is left behind for good when it fails, and is not tried again: it starts anew when it comes
   * again. Until this has removed it, it counts.
   */
  cutOff?(reason: string): void
}

/**
 * A follower in the process that commits: what its own commits ask for is applied before they are answered.
 *
 * Holds survive {@link Follower.reset}: they belong to transactions that are under way, not to what is stored.
 */
export interface LocalFollower extends Follower {
  /** At once, and never twice at the same time for one cluster: a commit does not wait for its own level. */
  apply(cluster: string, batch: readonly DeliveredEffects[]): void
  /**
   * A transaction that changes these is about to commit: from now on they are answered by the database, and what
   * was loaded while they were held is not stored. Holds count; keys come as {@link cacheKeyText} makes them.
   */
  hold(cluster: string, keys: readonly string[]): void
  /** Takes one hold from each key. Its floor, if the transaction committed, was raised before. */
  release(cluster: string, keys: readonly string[]): void
}

/**
 * Marks of a transaction that is about to commit, in the process that commits it: its keys are answered by the
 * database from before COMMIT is sent until the outcome is known and applied.
 */
export interface Doubt {
  /** Applies the effects here, now. Without a position it stays in doubt until the relay has passed. */
  committed(position: Position | undefined): void
  rolledBack(): void
  /**
   * Nobody will learn the outcome here: in doubt until the relay has passed, and the transaction has surely ended.
   *
   * @param givenMs milliseconds that the server gives the transaction
   */
  unknown(givenMs: number): void
}

/** The process's own side of the effects: marks what is about to commit, nudges whoever follows. */
export interface LocalEffects {
  /** @param marker id of the commit marker under which `tenfold.effects` has the row */
  begin(cluster: string, marker: string, effects: Effects): Doubt
  /** Delivers what a replayed write may have left undelivered. `position`: read after it was found committed. */
  replayed(cluster: string, marker: string, effects: Effects, position: Position | undefined): void
}

/** Positions that followers must get past, asked of the relay by those who wait. */
export interface PositionDemand {
  /**
   * Somebody would like the followers' position to be fresh, and to pass `lsn` soon; `0n` asks only for freshness.
   * As long as it is called now and then, the position stays younger than about 200 ms while PostgreSQL answers;
   * otherwise the relay looks once a second. Cheap; call it for every read of a level, hit or bypass.
   */
  demand(cluster: string, lsn: Lsn): void
}
