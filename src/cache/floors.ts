import type { Lsn } from '../core/lsn.ts'
import { textBytes } from './value.ts'

/** What a floor costs beside its key's text: a slot of a Map and a bigint. */
const FLOOR_BYTES = 72

export interface FloorLimits {
  /** Milliseconds that a floor is kept at least: longer than any fill may take. */
  readonly keepMs: number
  /** Estimated bytes of all floors; beyond, the oldest are replaced by one floor for every key. */
  readonly bytesMax: number
}

interface Generation {
  readonly floors: Map<string, Lsn>
  bytes: number
  /** The highest of them. */
  highest: Lsn
}

/**
 * The floors of one cluster: a value read at or below its key's floor may be older than an invalidation.
 *
 * They lie in two generations that are replaced in turn, so that none needs a timer: a floor lives between one and
 * two times `keepMs`. When they must go earlier for want of room, their highest becomes a floor for every key.
 */
export class Floors {
  readonly #limits: FloorLimits
  #young: Generation = empty()
  #old: Generation = empty()
  #base: Lsn = -1n
  #turnedAt: number

  constructor(limits: FloorLimits, now: number) {
    this.#limits = limits
    this.#turnedAt = now
  }

  /** Raises the floor of `key`; it never falls. */
  raise(key: string, lsn: Lsn, now: number): void {
    this.#turn(now)
    if (lsn > this.of(key)) this.#set(key, lsn, now)
    else this.#keep(key, now)
  }

  /** −1 when there is none. */
  of(key: string): Lsn {
    return higher(higher(this.#young.floors.get(key) ?? -1n, this.#old.floors.get(key) ?? -1n), this.#base)
  }

  get size(): number {
    return this.#young.floors.size + this.#old.floors.size
  }

  keys(): string[] {
    return [...this.#young.floors.keys(), ...this.#old.floors.keys()]
  }

  get bytes(): number {
    return this.#young.bytes + this.#old.bytes
  }

  /** The floor that holds for every key; −1 while there is none. */
  get base(): Lsn {
    return this.#base
  }

  /** What was invalidated again counts from now: its floor moves into the young generation. */
  #keep(key: string, now: number): void {
    const lsn = this.#old.floors.get(key)
    if (lsn !== undefined && !this.#young.floors.has(key)) this.#set(key, lsn, now)
  }

  #set(key: string, lsn: Lsn, now: number): void {
    const { floors } = this.#young
    if (!floors.has(key)) {
      const bytes = FLOOR_BYTES + textBytes(key)
      if (this.bytes + bytes > this.#limits.bytesMax) this.#makeRoom(now)
      this.#young.bytes += bytes
    }
    this.#young.floors.set(key, lsn)
    this.#young.highest = higher(this.#young.highest, lsn)
  }

  #turn(now: number): void {
    if (now - this.#turnedAt < this.#limits.keepMs) return
    // After a long pause the young ones are old enough to go as well.
    this.#old = now - this.#turnedAt < 2 * this.#limits.keepMs ? this.#young : empty()
    this.#young = empty()
    this.#turnedAt = now
  }

  #makeRoom(now: number): void {
    // What was young until now has to be kept for its full time from now on.
    this.#turnedAt = now
    this.#base = higher(this.#base, this.#old.highest)
    this.#old = this.#young
    this.#young = empty()
    // The young ones fill it alone: they go too.
    if (this.#old.bytes > this.#limits.bytesMax / 2) {
      this.#base = higher(this.#base, this.#old.highest)
      this.#old = empty()
    }
  }
}

const empty = (): Generation => ({ floors: new Map(), bytes: 0, highest: -1n })
const higher = (one: Lsn, other: Lsn): Lsn => (one > other ? one : other)
