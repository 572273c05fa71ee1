import { AsyncLocalStorage } from 'node:async_hooks'
import { type CacheKey, cacheKeyTooLong } from '../core/cache-key.ts'
import type { Clock } from '../core/clock.ts'
import type { ContextStorage, RequestContext } from '../core/context.ts'
import { type Duration, milliseconds } from '../core/duration.ts'
import type { PositionDemand } from '../core/effects.ts'
import type { Logger } from '../core/log.ts'
import type { Lsn } from '../core/lsn.ts'
import type { ReadSpan } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { RandomSource } from '../core/random.ts'
import { within } from '../core/within.ts'
import type { Audit } from './audit.ts'
import type { CacheMetrics } from './cache-metrics.ts'
import type { ClusterState, Lease } from './cluster-state.ts'
import { CachedInWrite } from './errors.ts'
import { type Flight, Flights, type Loaded } from './flights.ts'
import type { HotKeys } from './hot-keys.ts'
import type { Entry, Lifetime, MemoryLevel, Refusal } from './level.ts'
import { LoadScope } from './load-scope.ts'
import type { CachePlace, CacheSource } from './ports.ts'
import { keptValue } from './value.ts'

/** How long a cached value may be used. */
export interface CachedOptions {
  /** From the moment it was loaded; up to a tenth is taken off by chance, so that not all expire at once. @defaultValue '5m' */
  readonly ttl?: Duration | undefined
  /** After `ttl`, for so long again, the old value is given while one caller loads the new one. Never after an invalidation. @defaultValue 0 */
  readonly stale?: Duration | undefined
  /** Milliseconds until a `DeadlineExceeded`. @defaultValue 10_000 */
  readonly deadlineMs?: number | undefined
}

export const TTL_MS = 5 * 60_000
export const DEADLINE_MS = 10_000
export const KEY_LENGTH_MAX = 1_000
/** Of the time to live, the part that chance may take off. */
const JITTER = 0.1
/** A position older than this is asked to be renewed by whoever reads: long before it is too old. */
const FRESH_MS = 50

export type Work = (db: never) => Promise<unknown>

/** One `cached` call that was not answered at once. */
export interface Ask {
  readonly place: CachePlace
  readonly key: CacheKey
  readonly text: string
  readonly epoch: number
  readonly state: ClusterState
  readonly token: Position | undefined
  readonly context: RequestContext | undefined
  readonly options: CachedOptions
  readonly work: Work
}

export interface CachedParts {
  readonly level: MemoryLevel
  readonly source: CacheSource
  readonly storage: ContextStorage
  readonly demand: PositionDemand
  /** Of positions and deadlines: the same as the relay's. */
  readonly clock: Clock
  /** Of times to live; tests put it forward. */
  readonly ttlClock: Clock
  readonly random: RandomSource
  /** Milliseconds after which a value is older than the position of any level that answers. Undefined: this level is the only one. */
  readonly pastMs: number | undefined
  readonly metrics: CacheMetrics
  readonly hotKeys: HotKeys
  readonly log: Logger
  /** Tests: compares every hit with its loader. */
  readonly audit?: Audit | undefined
}

/** `cached`: answers from the level when its rules allow it, and loads once for all who wait when they do not. */
export class GuaranteedCache {
  readonly #parts: CachedParts
  readonly #flights: Flights
  readonly #scopes = new AsyncLocalStorage<LoadScope | undefined>()

  constructor(parts: CachedParts) {
    this.#parts = parts
    this.#flights = new Flights(parts.clock)
  }

  /** The hit path: no closure and no asynchronous function before it is known to be a miss. */
  cached(place: CachePlace, key: CacheKey, options: CachedOptions, work: Work): Promise<unknown> {
    const { storage, source, clock } = this.#parts
    const context = storage.current()
    if (context?.write !== undefined) return Promise.reject(new CachedInWrite(key.text, context.write.name))
    const cluster = source.clusterOf(place.placement)
    // A replica may have shown more than the primary did when a value was read there.
    if (context?.seen?.unsettled(cluster, false) !== undefined) {
      const deadlineMs = options.deadlineMs ?? DEADLINE_MS
      const until = clock.monotonic() + deadlineMs
      const settling = source.settle(cluster, deadlineMs)
      if (settling)
        return settling.then(() => {
          const left = { ...options, deadlineMs: Math.max(0, until - clock.monotonic()) }
          // The shard may have moved meanwhile.
          if (source.clusterOf(place.placement) !== cluster) return this.cached(place, key, left, work)
          return this.#find(context, cluster, { place, key, options: left, work })
        })
    }
    return this.#find(context, cluster, { place, key, options, work })
  }

  #find(
    context: RequestContext | undefined,
    cluster: string,
    { place, key, options, work }: Pick<Ask, 'place' | 'key' | 'options' | 'work'>,
  ): Promise<unknown> {
    const { source, level, clock, ttlClock, metrics, hotKeys, demand, audit } = this.#parts
    const epoch = source.epochOf(place.placement)
    const text = place.prefix + key.text
    const state = level.state(cluster)
    const now = clock.monotonic()
    const ttlNow = ttlClock === clock ? now : ttlClock.monotonic()
    const token = context?.seen === undefined ? context?.wrote?.get(cluster) : context.seen.of(cluster)
    const found = level.find(state, text, epoch, token, now, ttlNow)
    hotKeys.note(text)
    // Only while something is being loaded can this call come from inside a loader.
    const scope = this.#flights.running > 0 ? this.#scopes.getStore() : undefined
    if (typeof found === 'string' || scope !== undefined || audit !== undefined)
      return this.#slow({ place, key, text, epoch, state, token, context, options, work }, found, scope)
    if (now - state.takenAt > FRESH_MS) demand.demand(cluster, 0n)
    found.hits++
    metrics.hits.value++
    if (!this.#isPast(state, found, now)) this.#answered(context, state, found.upto, state.timeline)
    if (ttlNow >= found.expiresAt)
      this.#refresh({ place, key, text, epoch, state, token, context, options, work })
    return found.promise
  }

  /** A miss; or a hit that has more to do: inside a loader, or audited. */
  async #slow(ask: Ask, found: Entry | Refusal, scope: LoadScope | undefined): Promise<unknown> {
    if (ask.text.length > KEY_LENGTH_MAX) throw cacheKeyTooLong(ask.text, KEY_LENGTH_MAX)
    scope?.enter(ask.text, ask.place.prefix)
    if (scope?.audits) return this.#fresh(ask, {})
    if (typeof found !== 'string') return this.#hit(ask, found, scope)
    const { metrics, demand, audit, level } = this.#parts
    metrics.miss(found)
    // What is not given now would be given later, or to others: a load that replaces it would hide a forgotten invalidation.
    const kept = audit && found === 'token' ? level.kept(ask.state, ask.text, ask.epoch) : undefined
    if (kept && !scope) await audit?.compare(ask, kept, (span) => this.#fresh(ask, span))
    demand.demand(ask.state.cluster, found === 'token' ? (ask.token as Position).lsn : 0n)
    const { value, reading } = await this.#obtain(ask, scope)
    scope?.note(reading)
    const { state } = ask
    if (this.#parts.pastMs !== undefined || reading.upto >= state.lsn || reading.timeline !== state.timeline)
      this.#answered(ask.context, state, reading.upto, reading.timeline)
    return value
  }

  async #hit(ask: Ask, entry: Entry, scope: LoadScope | undefined): Promise<unknown> {
    const { audit, clock, ttlClock, metrics, demand } = this.#parts
    const { timeline } = ask.state
    if (clock.monotonic() - ask.state.takenAt > FRESH_MS) demand.demand(ask.state.cluster, 0n)
    entry.hits++
    metrics.hits.value++
    scope?.note({ from: entry.from, upto: entry.upto, timeline, torn: false })
    if (!this.#isPast(ask.state, entry, clock.monotonic()))
      this.#answered(ask.context, ask.state, entry.upto, timeline)
    if (audit && !scope) await audit.compare(ask, entry, (span) => this.#fresh(ask, span))
    if (ttlClock.monotonic() >= entry.expiresAt) this.#refresh(ask)
    return entry.value
  }

  /** A value from a load under way or from a new one, that the asker may have. */
  async #obtain(ask: Ask, scope: LoadScope | undefined): Promise<Loaded> {
    const { clock, level, metrics, source } = this.#parts
    const deadlineMs = ask.options.deadlineMs ?? DEADLINE_MS
    const until = clock.monotonic() + deadlineMs
    const arrival = this.#flights.arrive()
    for (;;) {
      const flight = this.#joinable(ask)
      if (!flight) return this.#begin(ask, until, scope).done
      scope?.joins(flight.scope, flight.done)
      const startedAt = clock.monotonic()
      const loaded = await this.#flights.wait(flight, until, () => source.timedOut(whatOf(ask), deadlineMs))
      if (ask.context) ask.context.timing.cacheMs += clock.monotonic() - startedAt
      // What began after the asker came has seen all that the asker has, unless older values went into it.
      const later = flight.serial > arrival && !loaded.nested
      if (later || level.mayShare(flight.lease, loaded.reading, ask.token)) {
        metrics.shared.value++
        return loaded
      }
      if (flight.serial > arrival) return this.#begin(ask, until, scope).done
    }
  }

  /** A load under way is of use unless the key was invalidated since it began. */
  #joinable({ text, state, epoch }: Ask): Flight | undefined {
    const flight = this.#flights.current(text)
    if (!flight || flight.lease.state !== state || flight.lease.epoch !== epoch) return undefined
    return flight.lease.invalidated ? undefined : flight
  }

  #begin(ask: Ask, until: number, outer: LoadScope | undefined): Flight {
    const lease = this.#parts.level.lease(ask.state, ask.text, ask.epoch)
    const scope = new LoadScope(ask.text, ask.place.prefix, outer)
    const flight = this.#flights.begin(lease, scope, until, () => this.#load(ask, lease, scope, until))
    outer?.joins(scope, flight.done)
    return flight
  }

  async #load(ask: Ask, lease: Lease, scope: LoadScope, until: number): Promise<Loaded> {
    const { level, metrics, clock, source } = this.#parts
    const span: ReadSpan = {}
    try {
      const life = this.#lifetime(ask.options)
      const leftMs = Math.max(0, until - clock.monotonic())
      const running = this.#scopes.run(scope, async () => source.load(ask.place, ask.work, span, leftMs))
      const value = await within(clock, running, leftMs, () =>
        source.timedOut(whatOf(ask), ask.options.deadlineMs ?? DEADLINE_MS),
      )
      const kept = keptValue(value, ask.key.text)
      const { position, state } = lease
      const { placement } = ask.place
      // What was read while the shard moved may have come from either cluster.
      const moved = source.epochOf(placement) !== ask.epoch || source.clusterOf(placement) !== state.cluster
      const reading = scope.reading(
        { ...span, torn: span.torn || moved },
        { from: position, upto: position, timeline: state.timeline, torn: false },
      )
      const refusal = level.store(lease, reading, kept, life())
      metrics.load(refusal ?? 'stored')
      if (refusal === 'floor') this.#parts.demand.demand(state.cluster, reading.from)
      return { value: kept.value, reading, nested: scope.nested }
    } catch (error) {
      metrics.load('failed')
      throw error
    } finally {
      level.end(lease)
      metrics.observe(level.size, level.bytes)
    }
  }

  /** The loader's answer now, beside the cache: neither shared nor stored, nor are the cached values in it. */
  async #fresh(ask: Ask, span: ReadSpan): Promise<unknown> {
    const { source } = this.#parts
    const scope = new LoadScope(ask.text, ask.place.prefix, this.#scopes.getStore(), true)
    const deadlineMs = ask.options.deadlineMs ?? DEADLINE_MS
    const value = await this.#flights.aside(() =>
      this.#scopes.run(scope, async () => source.load(ask.place, ask.work, span, deadlineMs)),
    )
    return keptValue(value, ask.key.text).value
  }

  /** One load for all who are given the old value meanwhile. Its failure is nobody's answer. */
  #refresh(ask: Ask): void {
    const { metrics, clock, log } = this.#parts
    metrics.stale.value++
    if (this.#joinable(ask)) return
    const until = clock.monotonic() + (ask.options.deadlineMs ?? DEADLINE_MS)
    this.#begin(ask, until, undefined).done.catch((error: unknown) =>
      log.warn({ err: error, key: ask.key.text }, 'A cached value could not be loaded anew'),
    )
  }

  /**
   * Whether no level that answers from now on can lie behind this value. The only level: it is strictly past it. One of
   * several: the value is so old that a level whose position was noted before it was read is bypassed.
   */
  #isPast(state: ClusterState, { upto, readBefore }: Entry, now: number): boolean {
    const { pastMs } = this.#parts
    return pastMs === undefined ? upto < state.lsn : now - readBefore > pastMs
  }

  /** What the value contains counts for the session. */
  #answered(context: RequestContext | undefined, state: ClusterState, upto: Lsn, timeline: number): void {
    const seen = context?.seen
    if (seen === undefined || timeline === 0) return
    seen.answered(state.cluster, { lsn: upto, timeline })
    this.#parts.demand.demand(state.cluster, upto)
  }

  #lifetime({ ttl = TTL_MS, stale = 0 }: CachedOptions): () => Lifetime {
    const ttlMs = milliseconds(ttl) * (1 - JITTER * this.#parts.random.next())
    const staleMs = milliseconds(stale)
    return () => {
      const storedAt = this.#parts.ttlClock.monotonic()
      return { storedAt, expiresAt: storedAt + ttlMs, staleUntil: storedAt + ttlMs + staleMs }
    }
  }
}

const whatOf = ({ key }: Ask): string => `Loading the cached value ${key.text}`
