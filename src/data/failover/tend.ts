import type { ClusterRecord } from './record.ts'
import type { NodeView, SenderView } from './view.ts'

/**
 * What a standby needs.
 *
 * - `start`: it is down
 * - `fence`: it answers nothing; it will be started again
 * - `build`: it has no data folder, or one that cannot follow: copy it from the primary
 * - `follow`: it has been told to follow another node than the primary, or nobody
 * - `admit`: let its word count for commits
 * - `cover`: it is named; record that it counts once one of the named has everything
 * - `alone`: no standby is there; commits go on without, as was chosen
 * - `dismiss`: do not let commits, or a failover, depend on it any more
 */
export type Repair = {
  readonly do: 'start' | 'fence' | 'build' | 'follow' | 'admit' | 'cover' | 'alone' | 'dismiss'
  readonly id: string
}

/** Milliseconds that a standby may be away before nothing depends on it any more, if there is another. */
export const AWAY_MS_MAX = 2_000
/** Milliseconds after which one that runs and receives nothing is made anew. */
export const STUCK_MS_MAX = 5_000

/** What is known of a standby beside its view. */
export interface Standby {
  readonly view: NodeView
  /** What the primary says of it. */
  readonly sender: SenderView | undefined
  /** Milliseconds since when the primary has not had it streaming; 0 while it does. */
  readonly awayMs: number
  /** Milliseconds since when it has run and followed the primary, which sends it nothing. */
  readonly stuckMs: number
}

/** What is known of the primary that serves. */
export interface Serving {
  /** It has answered a fresh connection since all this was seen: if nobody receives its log it is not because it hangs. */
  readonly proven: boolean
  /** Its commits wait for a standby. */
  readonly waits: boolean
}

/**
 * Whether what a standby has is certainly elsewhere. What counts may be all that is left of a primary that is lost: it goes only
 * when somebody else has everything, or when the primary has, one after the other.
 */
export function mayBeReplaced(
  { synchronous, building }: ClusterRecord,
  standbys: readonly Standby[],
  { proven }: Serving,
  id: string,
): boolean {
  if (!synchronous.includes(id)) return true
  const streams = standbys.some((one) => synchronous.includes(one.view.id) && isStreaming(one))
  return proven && building.length === 0 && !streams && id === synchronous[0]
}

/** Decides what the standbys of a primary that serves need. Pure; every repair can be begun at the same time. */
export function tend(
  record: ClusterRecord,
  standbys: readonly Standby[],
  { proven, waits }: Serving,
): Repair[] {
  const streams = (id: string): boolean => standbys.some((one) => one.view.id === id && isStreaming(one))
  const mayGo = (id: string): boolean => mayBeReplaced(record, standbys, { proven, waits }, id)
  // Right after a promotion all wait for the first of the named to have everything: nothing else takes its processor and disk.
  const settling =
    record.synchronous.length === 0 &&
    standbys.some(
      ({ view, awayMs }) =>
        record.named.includes(view.id) && view.process === 'running' && awayMs <= AWAY_MS_MAX,
    )
  // Also one that was promoted while nobody was there to be named: it waits for somebody until it is told otherwise.
  const unnamed =
    record.named.length === 0 &&
    record.synchronous.length === 0 &&
    waits &&
    standbys.every(({ awayMs }) => awayMs > AWAY_MS_MAX)
  return standbys.flatMap(({ view, sender, awayMs, stuckMs }, at): Repair[] => {
    const { id } = view
    const repairs: Repair[] = []
    const named = record.named.includes(id)
    // The last one stays: without it, no one would have what was acknowledged.
    if (
      (named || (unnamed && at === 0)) &&
      awayMs > AWAY_MS_MAX &&
      record.durability === 'available' &&
      !record.named.some(streams)
    )
      repairs.push({ do: 'alone', id })
    if (named && awayMs > AWAY_MS_MAX && record.named.some((other) => other !== id && streams(other)))
      repairs.push({ do: 'dismiss', id })
    const mayBegin = named || !settling
    if (view.process === 'missing') {
      // Until it may go it is started again and again.
      if (mayBegin && (!view.whole || mayGo(id))) repairs.push({ do: 'build', id })
    } else if (view.process === 'down' && mayBegin) repairs.push({ do: 'start', id })
    else if (view.process === 'hung' && awayMs > STUCK_MS_MAX) repairs.push({ do: 'fence', id })
    else if (view.process === 'running') {
      if (view.upstream !== record.primary) repairs.push({ do: 'follow', id })
      else if (stuckMs > STUCK_MS_MAX) {
        if (mayGo(id)) repairs.push({ do: 'build', id })
      } else if (sender?.state === 'streaming' && !named) repairs.push({ do: 'admit', id })
      else if (sender?.state === 'streaming' && !sameIds(record.named, record.synchronous))
        repairs.push({ do: 'cover', id })
    }
    return repairs
  })
}

/** A sender does not notice for ten seconds that its standby hangs. */
export const isStreaming = ({ sender, view }: Pick<Standby, 'sender' | 'view'>): boolean =>
  sender?.state === 'streaming' && view.process === 'running'

const sameIds = (one: readonly string[], other: readonly string[]): boolean =>
  one.length === other.length && one.every((id) => other.includes(id))
