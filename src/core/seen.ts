import { formatLsn, type Lsn, parseLsn } from './lsn.ts'
import type { Position } from './position.ts'

/** What a session has seen of one cluster. LSNs of different timelines are never compared. */
export interface SeenCluster {
  readonly timeline: number
  /** The position that its own last write had reached. */
  readonly wrote: Lsn
  /** The highest position of a copy that answered it. */
  readonly read: Lsn
}

/** What a session has seen, by cluster: a copy may answer it only when it has reached this (a cache: passed it). */
export interface Seen {
  readonly clusters: ReadonlyMap<string, SeenCluster>
  /** Of the directory that routed its last request. */
  readonly directoryEpoch: number
}

/**
 * The part of a request that keeps what its session has seen. Within a request only its own writes raise what
 * reads must have reached; what its answers contained counts for the next request.
 */
export interface SeenScope {
  /** What a copy of this cluster must have reached; nothing when any will do. */
  of(cluster: string): Position | undefined
  /** The answer contains what a copy knew at this position. */
  answered(cluster: string, position: Position): void
  /** Its own commit has reached this position. */
  wrote(cluster: string, position: Position): void
  /** All of it as text, for a job that goes on in its name; empty when there is nothing. */
  text(): string
}

const CLUSTER = /^([a-z][a-z0-9-]*):(\d+):([0-9A-F/]+):([0-9A-F/]+)$/i

/** Not signed: `directoryEpoch;c0:timeline:wrote:read;…`. */
export function formatSeen({ clusters, directoryEpoch }: Seen): string {
  const parts = [...clusters].map(
    ([name, { timeline, wrote, read }]) => `${name}:${timeline}:${formatLsn(wrote)}:${formatLsn(read)}`,
  )
  return [String(directoryEpoch), ...parts].join(';')
}

/** @returns undefined when the text is not one of {@link formatSeen} */
export function parseSeen(text: string): Seen | undefined {
  const [epoch = '', ...parts] = text.split(';')
  if (!/^\d{1,15}$/.test(epoch)) return undefined
  const clusters = new Map<string, SeenCluster>()
  for (const part of parts) {
    const match = CLUSTER.exec(part)
    if (!match) return undefined
    try {
      clusters.set(match[1] as string, {
        timeline: Number(match[2]),
        wrote: parseLsn(match[3] as string),
        read: parseLsn(match[4] as string),
      })
    } catch {
      return undefined
    }
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
        wrote: ours.wrote > theirs.wrote ? ours.wrote : theirs.wrote,
        read: ours.read > theirs.read ? ours.read : theirs.read,
      })
  }
  return { clusters, directoryEpoch: Math.max(one.directoryEpoch, other.directoryEpoch) }
}
