import type { FollowerPosition } from '../core/effects.ts'
import type { Lsn } from '../core/lsn.ts'
import { type FloorLimits, Floors } from './floors.ts'

/**
 * One load of a key that may end in a stored value. Whatever happens to the key meanwhile is marked here.
 */
export interface Lease {
  readonly state: ClusterState
  readonly text: string
  readonly epoch: number
  /** Monotonic milliseconds. */
  readonly startedAt: number
  /** The level's position when the lease was granted. */
  readonly position: Lsn
  /** The key was held (in doubt) while it was loaded: what comes is not stored. */
  held: boolean
  /** The key was invalidated since it began: whoever comes later needs a later load. */
  invalidated: boolean
}

/**
 * What a level knows of one history of one cluster. A reset makes a new one, so that whatever belongs to the old
 * one (entries, leases) is told by identity.
 */
export class ClusterState {
  readonly cluster: string
  /** Keys in doubt, with the number of transactions that hold them. Handed on over a reset. */
  readonly holds: Map<string, number>
  readonly floors: Floors
  readonly leases = new Map<string, Set<Lease>>()
  /** The position: effects of all commits strictly below it have been applied. −1 before the first. */
  lsn: Lsn = -1n
  timeline = 0
  /** Monotonic milliseconds when the position was noted. */
  takenAt = Number.NEGATIVE_INFINITY

  constructor(cluster: string, limits: FloorLimits, now: number, holds = new Map<string, number>()) {
    this.cluster = cluster
    this.floors = new Floors(limits, now)
    this.holds = holds
  }

  /** @returns false when it lies in another history: the caller has to make a new state */
  advance({ lsn, timeline, takenAt }: FollowerPosition): boolean {
    if (this.lsn >= 0n && timeline !== this.timeline) return false
    // Positions of one stream come in order; an older one would only make the level look behind.
    if (lsn < this.lsn) return true
    this.lsn = lsn
    this.timeline = timeline
    this.takenAt = Math.max(this.takenAt, takenAt)
    return true
  }

  hold(text: string): void {
    this.holds.set(text, (this.holds.get(text) ?? 0) + 1)
    for (const lease of this.leases.get(text) ?? []) lease.held = true
  }

  release(text: string): void {
    const left = (this.holds.get(text) ?? 0) - 1
    if (left > 0) this.holds.set(text, left)
    else this.holds.delete(text)
  }

  invalidate(text: string, floor: Lsn, now: number): void {
    this.floors.raise(text, floor, now)
    for (const lease of this.leases.get(text) ?? []) lease.invalidated = true
  }

  lease(text: string, epoch: number, now: number): Lease {
    const lease: Lease = {
      state: this,
      text,
      epoch,
      startedAt: now,
      position: this.lsn,
      held: this.holds.has(text),
      invalidated: false,
    }
    const leases = this.leases.get(text)
    if (leases) leases.add(lease)
    else this.leases.set(text, new Set([lease]))
    return lease
  }

  end(lease: Lease): void {
    const leases = this.leases.get(lease.text)
    leases?.delete(lease)
    if (leases?.size === 0) this.leases.delete(lease.text)
  }
}
