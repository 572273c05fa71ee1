import { existsSync, statfsSync } from 'node:fs'
import type { DatabaseAddress } from '../postgres/address.ts'
import { DataFolderInUse } from '../postgres/errors.ts'
import type { ReplicationRole } from '../replication/settings.ts'
import { awaited } from './awaited.ts'
import { ClusterNode, type NodeStart } from './node.ts'
import type { KeeperOptions } from './options.ts'
import { nodePlaces } from './places.ts'
import type { ClusterRecord } from './record.ts'

/**
 * Megabytes of log that a copy under way may hold back: a quarter of what is free, so that a large one comes to its end, and
 * the copy itself and those of other clusters have room, too.
 */
function roomMb(dataDir: string): number | undefined {
  if (!existsSync(dataDir)) return undefined
  const { bavail, bsize } = statfsSync(dataDir)
  return Math.floor((bavail * bsize) / 4 / 2 ** 20)
}

/** The nodes of one cluster. */
export class Members {
  readonly #options: KeeperOptions
  readonly #wake: () => void
  readonly #signal: AbortSignal
  readonly #nodes = new Map<string, ClusterNode>()
  /** Those that are being copied: the primary keeps the log that they need. */
  readonly copying = new Set<string>()

  /** @param signal ends those that have not started by then */
  constructor(options: KeeperOptions, wake: () => void, signal: AbortSignal) {
    this.#options = options
    this.#wake = wake
    this.#signal = signal
  }

  get all(): ClusterNode[] {
    return [...this.#nodes.values()]
  }

  get(id: string): ClusterNode {
    const node = this.#nodes.get(id)
    if (!node) throw new RangeError(`There is no node ${id}`)
    return node
  }

  /** Makes nodes that the record has and we have not. */
  update({ nodes }: Pick<ClusterRecord, 'nodes'>): void {
    for (const id of nodes) if (!this.#nodes.has(id)) this.#nodes.set(id, this.former(id))
  }

  /** A node that is not one of ours, or not yet. */
  former(id: string): ClusterNode {
    const { log, clock, postgres } = this.#options
    const options = { ...postgres, ...nodePlaces(this.#options, id), log, clock, signal: this.#signal }
    return new ClusterNode(id, options, this.#wake)
  }

  forget(id: string): void {
    this.#nodes.delete(id)
  }

  primaryAddress({ primary }: ClusterRecord): DatabaseAddress | undefined {
    const node = this.#nodes.get(primary)
    return node?.pid === undefined ? undefined : node.address
  }

  /** Takes over what a killed keeper left running. @throws DataFolderInUse when it has another keeper */
  async adopt(record: ClusterRecord): Promise<void> {
    const unknown = this.all.filter((node) => node.pid === undefined)
    const there = unknown.filter((node) => node.isThere)
    // Of one whose postmaster was killed sessions may be left that hang, and would answer when they wake.
    await Promise.all(unknown.filter((node) => !there.includes(node)).map((node) => node.endWhatRuns()))
    // One that is being made is made anew in any case, and may wait long for a primary that is gone.
    const isUnfinished = ({ id }: ClusterNode): boolean => record.building.includes(id)
    const left = there.filter((node) => !isUnfinished(node))
    const adopt = (some: readonly ClusterNode[]) =>
      Promise.allSettled(some.map((node) => this.start(node.id, record, { adoptOnly: true })))
    const isPrimary = ({ id }: ClusterNode): boolean => id === record.primary
    // The primary first: the others are told where it is.
    const taken = [
      ...(await adopt(left.filter(isPrimary))),
      ...(await adopt(left.filter((node) => !isPrimary(node)))),
    ]
    // One that cannot be adopted was ended by the attempt, unless somebody else has it.
    for (const one of taken)
      if (one.status === 'rejected' && one.reason instanceof DataFolderInUse) throw one.reason
    await Promise.all(there.filter(isUnfinished).map((node) => node.endWhatRuns()))
  }

  /** As what it was: only who is neither primary nor about to be one is made a standby. */
  async start(
    id: string,
    record: ClusterRecord,
    how: Pick<NodeStart, 'adoptOnly' | 'signal' | 'startMsMax'> = {},
  ): Promise<void> {
    const { primary, promoting } = record
    const standby = id !== primary && id !== promoting?.id
    const upstream = standby ? this.#nodes.get(primary) : undefined
    const role = this.role(id, record, upstream)
    await this.get(id).start({ standby, role, upstream: upstream?.address && primary, ...how })
  }

  /** What a node has to be told. */
  role(id: string, record: ClusterRecord, follows?: ClusterNode): ReplicationRole {
    const address = follows?.address
    const { link = (given: DatabaseAddress) => given } = this.#options
    const upstream = address && link(address, follows.id, id)
    const isCopied = id === record.primary && record.building.length + this.copying.size > 0
    return {
      id,
      synchronous: awaited(record, id),
      upstream,
      ...(isCopied && { keepMb: roomMb(this.get(id).dataDir) }),
    }
  }

  /** As much log as the copies under way need; whom its commits wait for stays as it is. */
  keepLog(primary: ClusterNode, record: ClusterRecord): void {
    const serves = primary.id === record.primary && primary.pid !== undefined
    const { keepMb } = this.role(primary.id, record)
    if (serves && primary.role) primary.apply({ ...primary.role, keepMb })
  }

  async look(): Promise<void> {
    await Promise.all(this.all.map((node) => node.look()))
  }

  /** Ends all; the primary first: it waits until its standbys have all that it has written. */
  async stop({ primary }: ClusterRecord): Promise<void> {
    await this.#nodes.get(primary)?.stop('fast')
    await Promise.all(this.all.filter(({ id }) => id !== primary).map((node) => node.stop('fast')))
  }
}
