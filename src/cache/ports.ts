import type { Placement } from '../core/keys.ts'
import type { ReadSpan } from '../core/ports.ts'

/** The shard that a cached value belongs to. Made once per shard key; see {@link shardPrefix}. */
export interface CachePlace {
  readonly placement: Placement | 'home'
  /** What cache keys of this shard begin with. */
  readonly prefix: string
}

/** How the cache reads from the database; implemented over the data client. */
export interface CacheSource {
  /** Which cluster owns the shard now. Called for every read. */
  clusterOf(placement: Placement | 'home'): string
  /** The epoch of the shard's bucket now; changes when it moves. Called for every read. */
  epochOf(placement: Placement | 'home'): number
  /** Runs `work` on the shard's primary and notes in `span` where in the log it read. */
  load(
    place: CachePlace,
    work: (db: never) => Promise<unknown>,
    span: ReadSpan,
    deadlineMs: number,
  ): Promise<unknown>
  /**
   * Waits until the primary shows what a replica has shown the session of the request under way, before this request. Undefined when
   * there is nothing to wait for. @throws DataUnavailable when it does not within `deadlineMs`
   */
  settle(cluster: string, deadlineMs: number): Promise<void> | undefined
  /** The error for a loader that has not come to its end within its deadline. */
  timedOut(what: string, deadlineMs: number): Error
}
