import type { Lsn } from './lsn.ts'
import type { Loss, Position, Settlement } from './position.ts'
import { formatSeen, NOTHING_SEEN, parseSeen, type Seen, type SeenCluster, type SeenScope } from './seen.ts'

/** What a session's memory needs to know of the system around it. */
export interface SeenDirectory {
  /** Names of the clusters that exist: what was seen of others is forgotten. */
  readonly clusters: readonly string[]
  readonly directoryEpoch: number
  /** Where a cluster's history was left with loss. @defaultValue nowhere */
  losses?(cluster: string): readonly Loss[]
}

/** What a session has seen, over one request or one run of a job. Costs nothing until somebody asks or tells. */
export class SeenRecord implements SeenScope {
  readonly #directory: SeenDirectory
  #came: Seen | undefined
  /** Positions of its own commits. */
  #wrote: Map<string, Position> | undefined
  /** Positions of what answered it. */
  #read: Map<string, Position> | undefined
  /** Positions of replicas that answered it. */
  #copied: Map<string, Position> | undefined
  #settled: Map<string, Settlement> | undefined
  /** Clusters of which it came with something that the primary has not. */
  #lost: ReadonlySet<string> | undefined

  constructor(directory: SeenDirectory) {
    this.#directory = directory
  }

  /** What the session came with; called at most once, when it is needed. */
  protected load(): Seen {
    return NOTHING_SEEN
  }

  get came(): Seen {
    this.#came ??= this.load()
    return this.#came
  }

  /** Whether `came` was asked for. */
  get isLoaded(): boolean {
    return this.#came !== undefined
  }

  /** Whether something was told that may raise what the session has seen. */
  get isTouched(): boolean {
    return this.#wrote !== undefined || this.#read !== undefined
  }

  /** Whether `result` will say for certain that nothing was raised; cheaper. */
  get isUnchanged(): boolean {
    const { came } = this
    return (
      !this.isTouched && (came.clusters.size === 0 || this.#directory.directoryEpoch <= came.directoryEpoch)
    )
  }

  of(cluster: string): Position | undefined {
    const own = this.#wrote?.get(cluster) ?? this.#cameWith(cluster)
    return highest(own, this.#settled?.get(cluster)?.reading)
  }

  #cameWith(cluster: string): Position | undefined {
    const came = this.#kept(cluster)
    return came && { timeline: came.timeline, lsn: came.wrote > came.read ? came.wrote : came.read }
  }

  #kept(cluster: string): SeenCluster | undefined {
    return this.#lost?.has(cluster) ? undefined : this.came.clusters.get(cluster)
  }

  reached(cluster: string): Position | undefined {
    return highest(this.of(cluster), this.#read?.get(cluster))
  }

  answered(cluster: string, position: Position, by?: 'primary' | 'replica'): void {
    if (by === 'primary') {
      const came = this.came.clusters.get(cluster)
      if (came && came.timeline === position.timeline && !isWithin(came, position.lsn))
        this.#lost = new Set(this.#lost).add(cluster)
    } else if (by === 'replica') {
      this.#copied ??= new Map()
      raise(this.#copied, cluster, position)
    }
    this.#read ??= new Map()
    raise(this.#read, cluster, position)
  }

  unsettled(cluster: string, own: boolean): Position | undefined {
    const came = this.#kept(cluster)
    const before = came && came.copied > 0n ? { timeline: came.timeline, lsn: came.copied } : undefined
    const need = own ? highest(before, this.#copied?.get(cluster)) : before
    const settled = this.#settled?.get(cluster)
    return need && settled && !isHigher(need, settled.upto) ? undefined : need
  }

  settled(cluster: string, upto: Position, reading: Position): void {
    this.#settled ??= new Map()
    const known = this.#settled.get(cluster)
    if (!known || isHigher(upto, known.upto)) this.#settled.set(cluster, { upto, reading })
    this.answered(cluster, reading)
  }

  wrote(cluster: string, position: Position): void {
    this.#wrote ??= new Map()
    raise(this.#wrote, cluster, position)
  }

  text(): string {
    const { seen } = this.result()
    return seen.clusters.size === 0 ? '' : formatSeen(seen)
  }

  /**
   * What the session has seen by now, and whether that is more than it came with. `lost`: clusters of which it came with
   * something that a failover with loss may have taken; it is told that once, as the token is another from here on.
   */
  result(): { seen: Seen; raised: boolean; lost: string[] } {
    const { came } = this
    const { clusters: names, directoryEpoch } = this.#directory
    const clusters = new Map<string, SeenCluster>()
    let raised = came.clusters.size > 0 && directoryEpoch > came.directoryEpoch
    const lost: string[] = []
    for (const name of names) {
      const before = came.clusters.get(name)
      const told = withRead(withWrote(this.#kept(name), this.#wrote?.get(name)), this.#read?.get(name))
      const now = withCopied(told, this.#copied?.get(name), this.#settled?.get(name))
      if (now) clusters.set(name, now)
      raised ||= now !== before
      if (before && now && now.timeline > before.timeline && this.#isBeyondLoss(name, before)) lost.push(name)
    }
    return { seen: { clusters, directoryEpoch: Math.max(directoryEpoch, came.directoryEpoch) }, raised, lost }
  }

  #isBeyondLoss(cluster: string, came: SeenCluster): boolean {
    const losses = this.#directory.losses?.(cluster) ?? []
    return losses.some(({ timeline, lsn }) => timeline === came.timeline && !isWithin(came, lsn))
  }
}

class SeenOfText extends SeenRecord {
  readonly #text: string
  constructor(directory: SeenDirectory, text: string) {
    super(directory)
    this.#text = text
  }
  protected override load(): Seen {
    return parseSeen(this.#text) ?? NOTHING_SEEN
  }
}

/**
 * For a run of a job.
 * @param text what {@link SeenScope.text} gave when it was enqueued; what is not such a text counts as nothing
 * @param claimed the position of the job's cluster when it was claimed: the commit that enqueued it lies below
 */
export function seenOfJob(
  directory: SeenDirectory,
  text: string,
  claimed?: { readonly cluster: string; readonly position: Position },
): SeenScope {
  const record = new SeenOfText(directory, text)
  if (claimed) record.wrote(claimed.cluster, claimed.position)
  return record
}

const isWithin = ({ wrote, read, copied }: SeenCluster, lsn: Lsn): boolean =>
  wrote <= lsn && read <= lsn && copied <= lsn

function highest(one: Position | undefined, other: Position | undefined): Position | undefined {
  return one && (!other || !isHigher(other, one)) ? one : other
}

const isHigher = (one: Position, other: Position): boolean =>
  one.timeline > other.timeline || (one.timeline === other.timeline && one.lsn > other.lsn)

function raise(map: Map<string, Position>, cluster: string, position: Position): void {
  const known = map.get(cluster)
  if (!known || isHigher(position, known)) map.set(cluster, position)
}

/**
 * The primary's word after a commit of the session itself: whatever else the session has seen lies below. Where it does
 * not, it was seen in a history that is lost (a restored backup, an old timeline), and is forgotten.
 */
function withWrote(before: SeenCluster | undefined, position: Position | undefined): SeenCluster | undefined {
  if (!position) return before
  const { timeline, lsn } = position
  const continues = before !== undefined && before.timeline === timeline && isWithin(before, lsn)
  if (!continues) return { timeline, wrote: lsn, read: 0n, copied: 0n }
  return before.wrote === lsn ? before : { ...before, wrote: lsn }
}

function withRead(before: SeenCluster | undefined, position: Position | undefined): SeenCluster | undefined {
  if (!position) return before
  const { timeline, lsn } = position
  if (!before || timeline > before.timeline) return { timeline, wrote: 0n, read: lsn, copied: 0n }
  if (timeline < before.timeline || lsn <= before.read || lsn <= before.wrote) return before
  return { ...before, read: lsn }
}

function withCopied(
  before: SeenCluster | undefined,
  copied: Position | undefined,
  settled: Settlement | undefined,
): SeenCluster | undefined {
  if (!before) return before
  const { timeline } = before
  let lsn = copied?.timeline === timeline && copied.lsn > before.copied ? copied.lsn : before.copied
  if (settled && !isHigher({ timeline, lsn }, settled.upto)) lsn = 0n
  return lsn === before.copied ? before : { ...before, copied: lsn }
}
