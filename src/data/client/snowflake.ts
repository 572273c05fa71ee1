import { randomUUID } from 'node:crypto'
import type { Clock, Timer } from '../../core/clock.ts'
import type { Jsonified } from '../../core/json.ts'
import type { Logger } from '../../core/log.ts'
import type { Queryable } from '../../core/ports.ts'
import { IdsUnavailable } from '../errors.ts'

/** 2024-01-01T00:00:00Z in milliseconds; 41 bits from here last until 2093. */
export const SNOWFLAKE_EPOCH_MS = 1_704_067_200_000
const LEASE_MS = 60_000
const RENEW_MS = 20_000
/** A stop does not wait longer than this for a home cluster that is away; the lease then runs out by itself. */
const GIVE_BACK_MS = 500
const SEQUENCE_MAX = 4095n
/** Numbers that are tried before none is thought to be free. */
const CLAIMS_MAX = 64

/** Runs work in a transaction on the home cluster; its result, which is JSON, comes once that has committed. */
export type HomeTransaction = <R>(
  work: (db: Queryable) => Promise<R>,
  deadlineMs: number,
) => Promise<Jsonified<R>>

interface Lease {
  readonly worker: bigint
  /** What to add to the monotonic clock to get the home cluster's time, in milliseconds. */
  readonly offsetMs: number
  readonly untilMs: number
}

interface Claimed {
  worker: number
  now_ms: number
  until_ms: number
}

const CLAIM_SQL = `
  with free as (
    select w as worker from generate_series(0, 1023) w
    where not exists (select from tenfold.snowflake_workers s where s.worker = w and s.leased_until > clock_timestamp() and s.holder <> $1)
    order by exists (select from tenfold.snowflake_workers s where s.worker = w and s.holder = $1) desc, w limit 1)
  insert into tenfold.snowflake_workers as s (worker, holder, leased_until)
  select worker, $1, clock_timestamp() + $2 * interval '1 ms' from free
  on conflict (worker) do update set holder = excluded.holder, leased_until = excluded.leased_until
    where s.leased_until <= clock_timestamp() or s.holder = $1
  returning worker, (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms, (extract(epoch from leased_until) * 1000)::float8 as until_ms`

/**
 * 64-bit ids: 41 bits of milliseconds, 10 bits of a leased worker number, 12 bits of sequence (the layout that
 * Twitter published as Snowflake in 2010).
 *
 * Time is the home cluster's, carried on by the monotonic clock, and an id is drawn only within the lease:
 * whoever gets the number next starts after the last moment that this holder could have used. No machine's
 * clock has to be right.
 */
export class Snowflakes {
  readonly #home: HomeTransaction
  readonly #clock: Clock
  readonly #log: Logger
  readonly #holder = randomUUID()
  #lease: Lease | undefined
  #lastMs = 0n
  #sequence = 0n
  #timer: Timer | undefined
  #stopped = false

  /** @param home runs work in a transaction on the home cluster */
  constructor({ home, clock, log }: { home: HomeTransaction; clock: Clock; log: Logger }) {
    this.#home = home
    this.#clock = clock
    this.#log = log
  }

  /** Takes the lease, and from then on renews it. */
  async start(): Promise<void> {
    await this.#renew()
    this.#schedule()
  }

  /** Gives the number back: it is free once the last id's millisecond is over. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    const lease = this.#lease
    this.#lease = undefined
    if (!lease) return
    const usedMs = Number(this.#lastMs) + 1
    await this.#home(async (db) => {
      await db.query(
        'update tenfold.snowflake_workers set leased_until = greatest(clock_timestamp(), to_timestamp($2::float8 / 1000)) where holder = $1',
        [this.#holder, usedMs],
      )
    }, GIVE_BACK_MS)
  }

  /** @throws IdsUnavailable when the lease could not be renewed in time */
  next(): string {
    const lease = this.#lease
    if (!lease) throw new IdsUnavailable()
    const now = BigInt(Math.floor(this.#clock.monotonic() + lease.offsetMs))
    if (now > this.#lastMs) {
      this.#lastMs = now
      this.#sequence = 0n
    } else if (++this.#sequence > SEQUENCE_MAX) {
      // More than 4096 in a millisecond: borrow the next one rather than wait.
      this.#lastMs++
      this.#sequence = 0n
    }
    if (this.#lastMs >= BigInt(Math.floor(lease.untilMs))) throw new IdsUnavailable()
    return (
      ((this.#lastMs - BigInt(SNOWFLAKE_EPOCH_MS)) << 22n) |
      (lease.worker << 12n) |
      this.#sequence
    ).toString()
  }

  async #renew(): Promise<void> {
    const askedAt = this.#clock.monotonic()
    // The lease is ours when it has committed, not before: what was rolled back may be another's by now.
    const row = await this.#home(async (db) => {
      // Who else starts now may have been faster with the same number: the next look sees it taken.
      for (let at = 0; at < CLAIMS_MAX; at++) {
        const [claimed] = await db.query<Claimed>(CLAIM_SQL, [this.#holder, LEASE_MS])
        if (claimed) return claimed
      }
      throw new IdsUnavailable()
    }, RENEW_MS)
    if (this.#stopped) return
    if (this.#lease && this.#lease.worker !== BigInt(row.worker)) this.#sequence = 0n
    // The server's clock was read before the answer came, so this offset is never ahead of the server's time;
    // the lease's end, in the same time, bounds it on the other side.
    this.#lease = {
      worker: BigInt(row.worker),
      offsetMs: row.now_ms - this.#clock.monotonic(),
      untilMs: row.until_ms,
    }
    this.#log.debug(
      { worker: Number(this.#lease?.worker), ms: this.#clock.monotonic() - askedAt },
      'holds a worker number for 64-bit ids',
    )
  }

  #schedule(): void {
    if (this.#stopped) return
    this.#timer = this.#clock.timer(RENEW_MS, () => {
      this.#renew()
        .catch((error: unknown) =>
          this.#log.warn({ err: error }, 'could not renew the worker number for 64-bit ids'),
        )
        .finally(() => this.#schedule())
    })
  }
}
