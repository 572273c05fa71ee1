import { createHash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import { BUCKETS } from '../../core/keys.ts'
import type { Logger } from '../../core/log.ts'
import type { SystemStore } from '../../core/ports.ts'
import { sweepEverywhere } from '../../core/sweep.ts'
import { LimitInvalid, type Policy, RateLimited } from './errors.ts'
import { type Decision, decisionOf, type Pace } from './gcra.ts'
import { LocalLimiter } from './local.ts'

/** Milliseconds to wait for the store before this process counts by itself. */
export const STORE_MS_MAX = 1_000
/** After the store failed it is left alone for this long. */
const REST_MS = 1_000
/** Longer keys are stored as their hash. */
const KEY_BYTES_MAX = 200
const WINDOW_SECONDS_MAX = 86_400 * 31

/** A limit of `max` events per `windowSeconds`, spread evenly (GCRA), `burst` at once. */
export interface Limit {
  readonly max: number
  readonly windowSeconds: number
  /** @defaultValue `max` */
  readonly burst?: number
}

export interface LimitOptions {
  readonly store: SystemStore
  readonly clock: Clock
  readonly log: Logger
  /** Web nodes that share the limits: when the store is away each allows its part. @defaultValue 1 */
  readonly nodes?: (() => number) | undefined
  /** @defaultValue {@link STORE_MS_MAX} */
  readonly storeMsMax?: number | undefined
}

/**
 * One statement, atomic by the row's lock, and by the database's clock alone: `tat` is the theoretical arrival
 * time. No row comes back when the event has to wait; the second branch then tells how long.
 */
const TAKE = `with taken as (
    insert into tenfold.limits as l (key, bucket, tag, tat)
    values ($1, $2, $3, clock_timestamp() + $4::float8 * interval '1 millisecond')
    on conflict (key) do update
      set tat = greatest(l.tat, clock_timestamp()) + $4::float8 * interval '1 millisecond'
      where greatest(l.tat, clock_timestamp()) + $4::float8 * interval '1 millisecond'
        <= clock_timestamp() + $5::float8 * interval '1 millisecond'
    returning l.tat)
  select true as allowed, (extract(epoch from tat - clock_timestamp()) * 1000)::float8 as ahead_ms from taken
  union all
  select false, (extract(epoch from tat - clock_timestamp()) * 1000)::float8 from tenfold.limits
    where key = $1 and not exists (select from taken)`

interface Row {
  allowed: boolean
  ahead_ms: number | string
}

function policyOf(limit: Limit, cost: number): Policy {
  const burst = limit.burst ?? limit.max
  const fits =
    limit.max > 0 &&
    Number.isFinite(limit.max) &&
    limit.windowSeconds > 0 &&
    limit.windowSeconds <= WINDOW_SECONDS_MAX &&
    burst >= 1 &&
    Number.isFinite(burst) &&
    cost >= 0 &&
    Number.isFinite(cost)
  if (!fits)
    throw new LimitInvalid(
      `A limit of ${limit.max} per ${limit.windowSeconds} s with a burst of ${burst} and a cost of ${cost} makes no sense.`,
      'Give a positive max, a window of at most 31 days, a burst of 1 or more and a cost that is not negative.',
    )
  return { max: limit.max, windowSeconds: limit.windowSeconds, burst }
}

function paceOf(policy: Policy, share = 1): Pace {
  const intervalMs = (policy.windowSeconds * 1000 * share) / policy.max
  return { intervalMs, toleranceMs: Math.max(1, policy.burst / share) * intervalMs }
}

function storedKey(key: string): string {
  if (Buffer.byteLength(key) <= KEY_BYTES_MAX && !key.includes('\u0000')) return key
  return `sha256:${createHash('sha256').update(key).digest('base64url')}`
}

/** Limits that all web nodes share. */
export class WebLimits {
  readonly #options: LimitOptions
  readonly #local: LocalLimiter
  #restUntil = 0

  constructor(options: LimitOptions) {
    this.#options = options
    this.#local = new LocalLimiter(options.clock)
  }

  /** Counts `cost` events under `key`, if there is room for them. @throws LimitInvalid */
  async take(key: string, limit: Limit, cost = 1): Promise<Decision> {
    const policy = policyOf(limit, cost)
    const pace = paceOf(policy)
    const stored = storedKey(key)
    // A cost that never fits would be let in by a key's first row.
    if (cost > policy.burst) return decisionOf(false, 0, cost, pace)
    const shared = await this.#takeShared(stored, cost, pace)
    if (shared) return shared
    return this.#local.take(stored, cost, paceOf(policy, Math.max(1, this.#options.nodes?.() ?? 1)))
  }

  /** As `take`, but throws when there is no room. @throws RateLimited */
  async enforce(key: string, limit: Limit, cost = 1): Promise<void> {
    const decision = await this.take(key, limit, cost)
    if (!decision.allowed) throw new RateLimited(policyOf(limit, cost), decision)
  }

  /** Forgets what was counted under `key`. */
  async reset(key: string): Promise<void> {
    const stored = storedKey(key)
    this.#local.reset(stored)
    const hash = this.#options.store.hash(stored)
    await this.#options.store.apply(hash, {
      sql: 'delete from tenfold.limits where key = $1',
      params: [stored],
    })
  }

  /** Deletes keys that count nothing any more. */
  sweep(): Promise<void> {
    return sweepEverywhere(this.#options.store, 'limits', "tat < now() - interval '1 minute'")
  }

  /** Undefined when the store is away. */
  async #takeShared(key: string, cost: number, pace: Pace): Promise<Decision | undefined> {
    const { store, clock } = this.#options
    if (clock.monotonic() < this.#restUntil) return undefined
    const hash = store.hash(key)
    const params = [key, hash % BUCKETS, Math.floor(hash / BUCKETS), cost * pace.intervalMs, pace.toleranceMs]
    const over = new AbortController()
    const counted = store.apply<Row>(hash, { sql: TAKE, params })
    const late = clock
      .sleep(this.#options.storeMsMax ?? STORE_MS_MAX, { signal: over.signal })
      .then(() => Promise.reject(new Error('The store did not answer in time')))
    // Whichever loses the race has nobody listening; a count that arrives late only makes the limit stricter.
    counted.catch(() => {})
    late.catch(() => {})
    try {
      // Denied by a row younger than this statement's snapshot: the key's first events came all at once.
      const denied: Row = { allowed: false, ahead_ms: pace.toleranceMs }
      const [[row = denied] = []] = await Promise.race([counted, late])
      const aheadMs = Number(row.ahead_ms)
      this.#local.note(key, aheadMs)
      return decisionOf(row.allowed, aheadMs, cost, pace)
    } catch (error) {
      this.#restUntil = clock.monotonic() + REST_MS
      this.#options.log.warn({ error }, 'limits are counted by this process alone: the store is away')
      return undefined
    } finally {
      over.abort()
    }
  }
}
