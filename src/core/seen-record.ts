import type { Position } from './position.ts'
import { formatSeen, NOTHING_SEEN, parseSeen, type Seen, type SeenCluster, type SeenScope } from './seen.ts'

/** What a session's memory needs to know of the system around it. */
export interface SeenDirectory {
  /** Names of the clusters that exist: what was seen of others is forgotten. */
  readonly clusters: readonly string[]
  readonly directoryEpoch: number
}

/** What a session has seen, over one request or one run of a job. Costs nothing until somebody asks or tells. */
export class SeenRecord implements SeenScope {
  readonly #directory: SeenDirectory
  #came: Seen | undefined
  /** Positions of its own commits. */
  #wrote: Map<string, Position> | undefined
  /** Positions of what answered it. */
  #read: Map<string, Position> | undefined
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
    const own = this.#wrote?.get(cluster)
    if (own) return own
    const came = this.#lost?.has(cluster) ? undefined : this.came.clusters.get(cluster)
    return came && { timeline: came.timeline, lsn: came.wrote > came.read ? came.wrote : came.read }
  }

  reached(cluster: string): Position | undefined {
    const asked = this.of(cluster)
    const read = this.#read?.get(cluster)
    return read && (!asked || isHigher(read, asked)) ? read : asked
  }

  answered(cluster: string, position: Position, primary = false): void {
    if (primary) {
      const came = this.came.clusters.get(cluster)
      if (
        came &&
        came.timeline === position.timeline &&
        (came.wrote > position.lsn || came.read > position.lsn)
      )
        this.#lost = new Set(this.#lost).add(cluster)
    }
    this.#read ??= new Map()
    raise(this.#read, cluster, position)
  }

  wrote(cluster: string, position: Position): void {
    this.#wrote ??= new Map()
    raise(this.#wrote, cluster, position)
  }

  text(): string {
    const { seen } = this.result()
    return seen.clusters.size === 0 ? '' : formatSeen(seen)
  }

  /** What the session has seen by now, and whether that is more than it came with. */
  result(): { seen: Seen; raised: boolean } {
    const { came } = this
    const { clusters: names, directoryEpoch } = this.#directory
    const clusters = new Map<string, SeenCluster>()
    let raised = came.clusters.size > 0 && directoryEpoch > came.directoryEpoch
    for (const name of names) {
      const before = came.clusters.get(name)
      const kept = this.#lost?.has(name) ? undefined : before
      const now = withRead(withWrote(kept, this.#wrote?.get(name)), this.#read?.get(name))
      if (now) clusters.set(name, now)
      raised ||= now !== before
    }
    return { seen: { clusters, directoryEpoch: Math.max(directoryEpoch, came.directoryEpoch) }, raised }
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
  const continues =
    before !== undefined && before.timeline === timeline && before.wrote <= lsn && before.read <= lsn
  if (!continues) return { timeline, wrote: lsn, read: 0n }
  return before.wrote === lsn ? before : { timeline, wrote: lsn, read: before.read }
}

function withRead(before: SeenCluster | undefined, position: Position | undefined): SeenCluster | undefined {
  if (!position) return before
  const { timeline, lsn } = position
  if (!before || timeline > before.timeline) return { timeline, wrote: 0n, read: lsn }
  if (timeline < before.timeline || lsn <= before.read || lsn <= before.wrote) return before
  return { ...before, read: lsn }
}
