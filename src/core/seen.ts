import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import type { Position } from './position.ts'

/** What a session has seen of one cluster. LSNs of different timelines are never compared. */
export interface SeenCluster {
  readonly timeline: number
  /** The position that its own last write had reached. */
  readonly wrote: Lsn
  /** The highest position of a copy that answered it. */
  readonly read: Lsn
  /**
   * The highest position at which a replica answered it, as long as the primary is not known to show all of that: a replica may
   * show a commit that its primary does not yet. 0 when there is none.
   */
  readonly copied: Lsn
}

/** What a session has seen, by cluster: a copy may answer it only when it has reached this (a cache: passed it). */
export interface Seen {
  readonly clusters: ReadonlyMap<string, SeenCluster>
  /** Of the directory that routed its last request. */
  readonly directoryEpoch: number
}

/** Nothing seen yet. */
export const NOTHING_SEEN: Seen = { clusters: new Map(), directoryEpoch: 0 }

/**
 * The part of a request that keeps what its session has seen. Within a request only its own writes raise what
 * a cache must have passed; what its answers contained counts for the next request. Replicas are held to more: a read
 * does not go back behind an earlier read of the same request on the same cluster.
 */
export interface SeenScope {
  /** What a copy of this cluster must have reached; nothing when any will do. */
  of(cluster: string): Position | undefined
  /** The same for a replica: earlier answers of this request count, too. */
  reached(cluster: string): Position | undefined
  /**
   * The answer contains what a copy knew at this position.
   * @param by the primary's word is the end of what there is: what the session came with and lies beyond it was seen in a history
   *   that is lost, and is forgotten. What a replica says has to be {@link settled} before the primary or a cache may answer
   */
  answered(cluster: string, position: Position, by?: 'primary' | 'replica'): void
  /**
   * What a replica has shown and the primary may not show yet; nothing when there is none.
   * @param own whether answers of this request count, too
   */
  unsettled(cluster: string, own: boolean): Position | undefined
  /** The primary has shown all up to `upto` before its log was read to be at `reading`: what is later than that has seen it. */
  settled(cluster: string, upto: Position, reading: Position): void
  /** Its own commit has reached this position, which the primary told after COMMIT: nothing it showed lies beyond. */
  wrote(cluster: string, position: Position): void
  /** All of it as text, for a job that goes on in its name; empty when there is nothing. */
  text(): string
}

/** Characters of a text that is read; some fifty clusters fit. */
export const SEEN_LENGTH_MAX = 3_500
const EPOCH = /^\d{1,15}$/
const CLUSTER =
  /^([a-z][a-z0-9-]{0,62}):(\d{1,10}):([0-9A-F]{1,8}\/[0-9A-F]{1,8}):([0-9A-F]{1,8}\/[0-9A-F]{1,8})(?::([0-9A-F]{1,8}\/[0-9A-F]{1,8}))?$/

/**
 * Not signed: `directoryEpoch~c0:timeline:wrote:read~…`, with `:copied` behind it where there is one; in characters that cookies and
 * headers take as they are.
 */
export function formatSeen({ clusters, directoryEpoch }: Seen): string {
  let text = String(directoryEpoch)
  for (const [name, { timeline, wrote, read, copied }] of clusters) {
    text += `~${name}:${timeline}:${formatLsn(wrote)}:${formatLsn(read)}`
    if (copied > 0n) text += `:${formatLsn(copied)}`
  }
  return text
}

/** @returns undefined when the text is not one of {@link formatSeen} */
export function parseSeen(text: string): Seen | undefined {
  if (text.length > SEEN_LENGTH_MAX) return undefined
  const [epoch = '', ...parts] = text.split('~')
  if (!EPOCH.test(epoch)) return undefined
  const clusters = new Map<string, SeenCluster>()
  for (const part of parts) {
    const match = CLUSTER.exec(part)
    if (!match) return undefined
    const [, name, timeline, wrote, read, copied] = match as unknown as [
      string,
      string,
      string,
      string,
      string,
      string?,
    ]
    clusters.set(name, {
      timeline: Number(timeline),
      wrote: parseLsn(wrote),
      read: parseLsn(read),
      copied: copied === undefined ? 0n : parseLsn(copied),
    })
  }
  return { clusters, directoryEpoch: Number(epoch) }
}

/** By maximum; of two timelines the later counts. */
export function mergeSeen(one: Seen, other: Seen): Seen {
  const clusters = new Map(one.clusters)
  for (const [name, theirs] of other.clusters) {
    const ours = clusters.get(name)
    if (!ours || theirs.timeline > ours.timeline) clusters.set(name, theirs)
    else if (theirs.timeline === ours.timeline)
      clusters.set(name, {
        timeline: ours.timeline,
        wrote: later(ours.wrote, theirs.wrote),
        read: later(ours.read, theirs.read),
        copied: later(ours.copied, theirs.copied),
      })
  }
  return { clusters, directoryEpoch: Math.max(one.directoryEpoch, other.directoryEpoch) }
}

const later = (one: Lsn, other: Lsn): Lsn => (one > other ? one : other)
