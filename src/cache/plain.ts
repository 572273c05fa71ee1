import { AsyncLocalStorage } from 'node:async_hooks'
import { LRUCache } from 'lru-cache'
import { cacheKeyTooLong } from '../core/cache-key.ts'
import type { Clock } from '../core/clock.ts'
import { type Duration, milliseconds } from '../core/duration.ts'
import type { Jsonified } from '../core/json.ts'
import { CacheNesting } from './errors.ts'
import { type KeptValue, keptValue, textBytes } from './value.ts'
import { reaches, type Waiter, waits } from './waits-for.ts'

export const PLAIN_KEY_LENGTH_MAX = 1_000
/** An entry without value and key. */
const ENTRY_BYTES = 200
const ENTRY_PART = 1 / 16

interface PlainEntry {
  readonly value: unknown
  readonly expiresAt: number
}

/** A load that callers of `through` wait for. */
interface PlainLoad extends Waiter<PlainLoad> {
  readonly key: string
  value: Promise<unknown>
}

/**
 * `system.cache`: values with a time to live, in this process, and no promise beyond. Values are what their JSON form
 * gives back, frozen, since callers share them. What is larger than a sixteenth of the whole is not kept.
 */
export class MemoryPlainCache {
  readonly #clock: Clock
  readonly #entries: LRUCache<string, PlainEntry>
  readonly #loads = new Map<string, PlainLoad>()
  /** The load that the running code belongs to. */
  readonly #inside = new AsyncLocalStorage<PlainLoad>()

  constructor(options: { readonly bytesMax: number; readonly clock: Clock }) {
    this.#clock = options.clock
    this.#entries = new LRUCache({
      maxSize: options.bytesMax,
      maxEntrySize: Math.max(1, Math.floor(options.bytesMax * ENTRY_PART)),
    })
  }

  async get<V = unknown>(key: string): Promise<V | undefined> {
    return this.#found(key)?.value as V | undefined
  }

  async set(key: string, value: unknown, ttl: Duration): Promise<void> {
    // A load that began before must not replace what was set after.
    this.#loads.delete(key)
    this.#keep(key, keptValue(value, key), milliseconds(ttl))
  }

  async delete(key: string): Promise<void> {
    this.#loads.delete(key)
    this.#entries.delete(key)
  }

  /** @throws CacheNesting when `load` waits for itself */
  through<V>(key: string, ttl: Duration, load: () => Promise<V>): Promise<Jsonified<V>> {
    const found = this.#found(key)
    if (found) return Promise.resolve(found.value as Jsonified<V>)
    const outer = this.#inside.getStore()
    const running = this.#loads.get(key)
    if (running && outer && reaches(running, outer))
      return Promise.reject(new CacheNesting(outer.key, key, 'itself'))
    const loading = running ?? this.#begin(key, ttl, load)
    if (outer) waits(outer, loading, loading.value)
    return loading.value as Promise<Jsonified<V>>
  }

  get size(): number {
    return this.#entries.size
  }

  get bytes(): number {
    return this.#entries.calculatedSize
  }

  #begin(key: string, ttl: Duration, load: () => Promise<unknown>): PlainLoad {
    const loading: PlainLoad = { key, waitsFor: new Set(), value: NOTHING }
    this.#loads.set(key, loading)
    loading.value = this.#inside.run(loading, () => this.#load(loading, ttl, load))
    return loading
  }

  async #load(loading: PlainLoad, ttl: Duration, load: () => Promise<unknown>): Promise<unknown> {
    const { key } = loading
    const current = (): boolean => this.#loads.get(key) === loading
    // So that `value` is there, whatever `load` does at once.
    await undefined
    try {
      const ttlMs = milliseconds(ttl)
      const kept = keptValue(await load(), key)
      if (current()) this.#keep(key, kept, ttlMs)
      return kept.value
    } finally {
      if (current()) this.#loads.delete(key)
    }
  }

  #found(key: string): PlainEntry | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined || this.#clock.monotonic() < entry.expiresAt) return entry
    this.#entries.delete(key)
    return undefined
  }

  #keep(key: string, { value, bytes }: KeptValue, ttlMs: number): void {
    if (key.length > PLAIN_KEY_LENGTH_MAX) throw cacheKeyTooLong(key, PLAIN_KEY_LENGTH_MAX)
    const size = bytes + textBytes(key) + ENTRY_BYTES
    this.#entries.set(key, { value, expiresAt: this.#clock.monotonic() + ttlMs }, { size })
  }
}

const NOTHING: Promise<unknown> = Promise.resolve()
