import type { Members } from './members.ts'
import type { ClusterNode } from './node.ts'
import type { KeeperOptions } from './options.ts'
import type { ClusterRecord } from './record.ts'

/** What those who change a cluster share. */
export interface ClusterState {
  readonly options: KeeperOptions
  readonly members: Members
  record(): ClusterRecord
  /**
   * Durable when it returns.
   * @param how `tellFirst`: whoever follows the cluster hears of it before: for what could be found out again
   */
  save(record: ClusterRecord, how?: { readonly tellFirst: boolean }): void
  /** The end of it all. */
  readonly signal: AbortSignal
}

/** Milliseconds between two looks at a node that is about to be what it was told to be. */
const POLL_MS = 2
/** Milliseconds after which that is given up. */
const SETTLE_MS_MAX = 5_000

export interface Settling {
  readonly msMax?: number
  readonly look?: () => Promise<void>
  /** What changes while the node gets on with it: the time begins anew then. */
  readonly progress?: () => unknown
  /** Gives it up. */
  readonly signal?: AbortSignal
}

/** Looks at a node until it is so. @throws Error when it takes too long or the node has ended, or the signal's reason */
export async function settle(
  { options: { clock }, signal: end }: ClusterState,
  node: ClusterNode,
  what: string,
  so: () => boolean,
  { msMax = SETTLE_MS_MAX, look = () => node.look(), progress, signal = end }: Settling = {},
): Promise<void> {
  let until = clock.monotonic() + msMax
  let reached = progress?.()
  for (;;) {
    await look()
    if (so()) return
    const at = progress?.()
    if (at !== reached) until = clock.monotonic() + msMax
    reached = at
    if (node.isSuspected) throw new Error(`${node.id} answers nothing before ${what}`)
    if (node.pid === undefined) throw new Error(`${node.id} ended before ${what}`)
    if (clock.monotonic() > until) throw new Error(`${node.id}: ${what} took more than ${msMax} ms`)
    await clock.sleep(POLL_MS, { signal })
  }
}
