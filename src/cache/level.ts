import { LRUCache } from 'lru-cache'
import type { DeliveredEffects, FollowerPosition, LocalFollower } from '../core/effects.ts'
import type { Lsn } from '../core/lsn.ts'
import type { Position } from '../core/position.ts'
import { ClusterState, type Lease } from './cluster-state.ts'
import { type KeptValue, textBytes } from './value.ts'

/** Staleness for those who have not seen the commit: a level whose position is older is not asked. */
export const BOUND_MS = 1_000
/** A fill that takes longer is not stored; floors live at least as long. */
export const FILL_MS_MAX = 60_000
/** Of the level's bytes, the part that floors may take, of all clusters together. */
const FLOORS_PART = 1 / 8
/** One value may take this part of the level. */
const ENTRY_PART = 1 / 16
/** An entry without its value and key: the object, its promise, the slots of LRU and Map. */
const ENTRY_BYTES = 400

/** A stored value. */
export interface Entry {
  readonly state: ClusterState
  readonly text: string
  readonly epoch: number
  /** Resolved with the value: a hit makes nothing new. */
  readonly promise: Promise<unknown>
  readonly value: unknown
  readonly bytes: number
  /** The log was at least here before the value was read. */
  readonly from: Lsn
  /** The log was at most here after the value was read. */
  readonly upto: Lsn
  /** Monotonic milliseconds: `upto` was noted before. */
  readonly readBefore: number
  /** Milliseconds of the clock for times to live. */
  readonly storedAt: number
  readonly expiresAt: number
  /** Until then it is given while it is loaded anew. */
  readonly staleUntil: number
  hits: number
}

/** Why the level does not answer. */
export type Refusal = 'absent' | 'doubt' | 'age' | 'timeline' | 'token' | 'expired'
/** Why a loaded value was not stored. */
export type FillRefusal = 'reset' | 'torn' | 'timeline' | 'doubt' | 'late' | 'floor' | 'older' | 'large'

/** Where in the log a value was read. */
export interface Reading {
  readonly from: Lsn
  readonly upto: Lsn
  readonly timeline: number
  readonly torn: boolean
}

/** When a value is no longer given. */
export interface Lifetime {
  readonly storedAt: number
  readonly expiresAt: number
  readonly staleUntil: number
}

export interface LevelOptions {
  /** Estimated bytes of everything that it holds: values and floors. */
  readonly bytesMax: number
  /** How many clusters there are: they share the room for floors. @defaultValue 1 */
  readonly clusters?: number | undefined
  /** @defaultValue 1_000 */
  readonly boundMs?: number | undefined
  readonly monotonic: () => number
  /** A value went for want of room. */
  readonly onEvict?: (() => void) | undefined
  /** A key was invalidated by a commit. */
  readonly onInvalidate?: ((text: string) => void) | undefined
}

/**
 * A level of the guaranteed cache, in this process: values with the place in the log where they were read, floors
 * under which nothing is stored, and a position up to which every invalidation has been applied. It loads nothing.
 */
export class MemoryLevel implements LocalFollower {
  readonly name = 'memory'
  readonly #options: LevelOptions
  readonly #boundMs: number
  readonly #states = new Map<string, ClusterState>()
  readonly #entries: LRUCache<string, Entry>
  readonly #waiting = new Set<{ state: ClusterState; lsn: Lsn; resolve: () => void }>()

  constructor(options: LevelOptions) {
    this.#options = options
    this.#boundMs = options.boundMs ?? BOUND_MS
    this.#entries = new LRUCache({
      maxSize: Math.max(1, Math.floor(options.bytesMax * (1 - FLOORS_PART))),
      maxEntrySize: Math.max(1, Math.floor(options.bytesMax * ENTRY_PART)),
      // Called for each value that goes for want of room, not for those that are replaced or deleted.
      dispose: (_entry, _text, reason) => {
        if (reason === 'evict') options.onEvict?.()
      },
    })
  }

  /** What is known of a cluster; until the relay has told its position, next to nothing. */
  state(cluster: string): ClusterState {
    return this.#states.get(cluster) ?? this.#renew(cluster)
  }

  /** The hit rule. @param now monotonic; @param ttlNow the same for times to live */
  find(
    state: ClusterState,
    text: string,
    epoch: number,
    token: Position | undefined,
    now: number,
    ttlNow: number,
  ): Entry | Refusal {
    if (state.holds.size > 0 && state.holds.has(text)) return 'doubt'
    const entry = this.#entries.get(text)
    if (entry === undefined || entry.state !== state || entry.epoch !== epoch) return 'absent'
    const refusal = this.#refusal(state, entry.from, token, now)
    if (refusal) return refusal
    return ttlNow < entry.staleUntil ? entry : 'expired'
  }

  /** What lies there, whether it may be given or not; for the audit. */
  kept(state: ClusterState, text: string, epoch: number): Entry | undefined {
    const entry = this.#entries.peek(text)
    return entry?.state === state && entry.epoch === epoch ? entry : undefined
  }

  /** Grants a fill; {@link MemoryLevel.end} must follow. */
  lease(state: ClusterState, text: string, epoch: number): Lease {
    return state.lease(text, epoch, this.#options.monotonic())
  }

  end(lease: Lease): void {
    lease.state.end(lease)
  }

  /** The fill rule. @returns why the value was not stored, if it was not */
  store(
    lease: Lease,
    reading: Reading,
    { value, bytes }: KeptValue,
    life: Lifetime,
  ): FillRefusal | undefined {
    const { state, text, epoch } = lease
    const refusal = this.#fillRefusal(lease, reading)
    if (refusal) return refusal
    const former = this.#entries.peek(text)
    if (former && former.state === state && former.epoch === epoch && former.from > reading.from)
      return 'older'
    const size = bytes + textBytes(text) + ENTRY_BYTES
    const { from, upto } = reading
    this.#entries.set(
      text,
      {
        state,
        text,
        epoch,
        promise: Promise.resolve(value),
        value,
        bytes: size,
        from,
        upto,
        readBefore: this.#options.monotonic(),
        ...life,
        hits: 0,
      },
      { size },
    )
    return this.#entries.has(text) ? undefined : 'large'
  }

  /**
   * Whether somebody who came while a value was being loaded may have it: as if it lay in the level now. What was
   * read before somebody came may be older than what they have seen.
   */
  mayShare(lease: Lease, reading: Reading, token: Position | undefined): boolean {
    if (lease.invalidated || this.#fillRefusal(lease, reading)) return false
    return this.#refusal(lease.state, reading.from, token, this.#options.monotonic()) === undefined
  }

  /** Forgets a value because it is not wanted any more; no rule needs it. */
  forget(text: string): void {
    this.#entries.delete(text)
  }

  hold(cluster: string, keys: readonly string[]): void {
    const state = this.state(cluster)
    for (const text of keys) state.hold(text)
  }

  release(cluster: string, keys: readonly string[]): void {
    const state = this.state(cluster)
    for (const text of keys) state.release(text)
  }

  apply(cluster: string, batch: readonly DeliveredEffects[]): void {
    const state = this.state(cluster)
    const now = this.#options.monotonic()
    for (const { effects, floor } of batch) {
      for (const text of effects.invalidate ?? []) {
        state.invalidate(text, floor, now)
        this.#options.onInvalidate?.(text)
        const entry = this.#entries.peek(text)
        if (entry && entry.state === state && entry.from <= floor) this.#entries.delete(text)
      }
    }
  }

  advance(cluster: string, position: FollowerPosition): void {
    if (!this.state(cluster).advance(position)) {
      this.reset(cluster)
      this.state(cluster).advance(position)
    }
    this.#wake()
  }

  /** Resolves when `state` is strictly past `lsn`, or has been replaced. Ask the relay for it first. */
  passed(state: ClusterState, lsn: Lsn): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.add({ state, lsn, resolve })
      this.#wake()
    })
  }

  reset(cluster: string): void {
    const former = this.#states.get(cluster)
    this.#renew(cluster, former?.holds)
    // By identity they are out of use already; this gives their room back.
    for (const [text, entry] of this.#entries.entries())
      if (entry.state === former) this.#entries.delete(text)
    this.#wake()
  }

  get size(): number {
    return this.#entries.size
  }

  /** Estimated bytes of values and floors. */
  get bytes(): number {
    let bytes = this.#entries.calculatedSize
    for (const state of this.#states.values()) bytes += state.floors.bytes
    return bytes
  }

  states(): readonly ClusterState[] {
    return [...this.#states.values()]
  }

  /** Stored values, the most recently used first; does not count as use. */
  entries(): Iterable<Entry> {
    return this.#entries.values()
  }

  #refusal(
    state: ClusterState,
    from: Lsn,
    token: Position | undefined,
    now: number,
  ): 'age' | 'timeline' | 'token' | undefined {
    if (now - state.takenAt > this.#boundMs) return 'age'
    if (token === undefined) return undefined
    if (token.timeline !== state.timeline) return 'timeline'
    return state.lsn > token.lsn || from > token.lsn ? undefined : 'token'
  }

  #fillRefusal(lease: Lease, { from, timeline, torn }: Reading): FillRefusal | undefined {
    const { state, text } = lease
    if (this.#states.get(state.cluster) !== state) return 'reset'
    if (torn) return 'torn'
    if (timeline !== state.timeline || state.lsn < 0n) return 'timeline'
    if (lease.held || state.holds.has(text)) return 'doubt'
    if (this.#options.monotonic() - lease.startedAt > FILL_MS_MAX) return 'late'
    return from > state.floors.of(text) ? undefined : 'floor'
  }

  #wake(): void {
    for (const waiting of this.#waiting) {
      const { state, lsn, resolve } = waiting
      if (state.lsn <= lsn && this.#states.get(state.cluster) === state) continue
      this.#waiting.delete(waiting)
      resolve()
    }
  }

  #renew(cluster: string, holds?: Map<string, number>): ClusterState {
    const { bytesMax, clusters = 1, monotonic } = this.#options
    const limits = { keepMs: FILL_MS_MAX, bytesMax: (bytesMax * FLOORS_PART) / clusters }
    const state = new ClusterState(cluster, limits, monotonic(), holds)
    this.#states.set(cluster, state)
    return state
  }
}
