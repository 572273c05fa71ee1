import type { Clock } from '../core/clock.ts'
import type { SystemStatement, UpkeepSession } from '../core/ports.ts'
import { POSITION_SQL, type PositionRow, positionOfRow } from '../core/position.ts'
import type { RandomSource } from '../core/random.ts'
import { Claim, type Claimed, type ClaimRow, claimedOf, type Held, releaseOf, runArrays } from './claimed.ts'
import { CLAIM_BYTES_MAX, TEND_MAX } from './defaults.ts'

const TEND = 'select next_ms, suspects, lost, more from tenfold.tend_jobs($1, $2)'
const CLAIMED = 'select id, name, bucket, tag, attempt, attempts_max, fence, payload, seen from'
const CLAIM = `${CLAIMED} tenfold.claim_jobs($1, $2, $3, $4, $5, $6, $7, $8)`
const CLAIM_SUSPECT = `${CLAIMED} tenfold.claim_suspect($1, $2, $3)`
const REPAIR = 'select tenfold.repair_jobs($1)'
const RELEASE_CLAIM = 'select tenfold.release_claim($1)'
/** Of claims that are over nothing is left: a check would cost as much as the jobs did. */
const FORGET = 'delete from tenfold.claims where id = any ($1)'
const STAND = `insert into tenfold.claims (id, worker, lease_until, jobs, fences)
  values ($1, $2, statement_timestamp() + $3 * interval '1 ms', '{}', '{}')`
const RENEW = 'select id, cancel from tenfold.renew_jobs($1, $2, $3, $4, $5)'

/**
 * Milliseconds after which a claim has surely come to its end on the server, whose `transaction_timeout` is 10 s; one that
 * does not know it refuses a COMMIT that comes later.
 */
const UNANSWERED_MS = 15_000

interface TendedRow {
  readonly next_ms: number | null
  readonly suspects: boolean
  readonly lost: number
  readonly more: boolean
}

/** What to do in the round trip of a claim besides claiming. */
export interface ClaimWish {
  readonly max: number
  /** A job whose worker vanished before. */
  readonly alone: boolean
  /** Bring up what has become due. */
  readonly tend: boolean
  /** Take back whatever other workers hold: there are none. */
  readonly sole: boolean
  readonly repair: boolean
  /** Where to look; from the beginning of the order when it is not given. */
  readonly from?: LookFrom | undefined
}

/** What was left by the claims before: nothing up to `last`, or nothing at all, but for what became ready since. */
export interface LookFrom {
  /** Milliseconds since when there may be anything new. */
  readonly windowMs: number
  readonly last: OrderPlace | undefined
}

/** A place in the order of ready jobs, as PostgreSQL writes it. */
export interface OrderPlace {
  readonly rank: number
  readonly due: string
}

export interface ClaimAnswer {
  readonly jobs: readonly Claimed[]
  /** The last job that was looked at; undefined when there were fewer than asked for. */
  readonly last: OrderPlace | undefined
  /** What tending found; undefined when it was not asked for. */
  readonly tended:
    | {
        readonly nextMs: number | undefined
        readonly suspects: boolean
        readonly lost: number
        /** There may be more that is due. */
        readonly more: boolean
      }
    | undefined
}

/** What a worker says to one cluster, one round trip each. */
export class Desk {
  readonly cluster: string
  readonly #claims: UpkeepSession
  readonly #reports: UpkeepSession
  readonly #worker: string
  readonly #clock: Clock
  readonly #random: RandomSource
  readonly #leaseMs: number
  /** Claims without an answer: they hold jobs that we do not know, or will when the server has come to their end. */
  #unanswered: { readonly id: string; readonly sentAt: number }[] = []
  /** Claims whose jobs have all ended. Should they be left, they are forgotten when their lease is over. */
  #over: string[] = []
  /** Since when, in monotonic milliseconds. */
  readonly #abandoned = new Map<Held, number>()
  #standing: Claim | undefined
  #wantsStanding = false

  constructor(options: {
    cluster: string
    claims: UpkeepSession
    reports: UpkeepSession
    worker: string
    clock: Clock
    random: RandomSource
    leaseMs: number
  }) {
    this.cluster = options.cluster
    this.#claims = options.claims
    this.#reports = options.reports
    this.#worker = options.worker
    this.#clock = options.clock
    this.#random = options.random
    this.#leaseMs = options.leaseMs
  }

  async claim(wish: ClaimWish): Promise<ClaimAnswer> {
    const id = this.#newId()
    const statements: SystemStatement[] = []
    // By itself: it keeps locks of owners, and what follows locks jobs.
    if (wish.repair) statements.push({ sql: 'begin' }, { sql: REPAIR, params: [TEND_MAX] }, { sql: 'commit' })
    statements.push({ sql: 'begin' })
    for (const lost of this.#unanswered) statements.push({ sql: RELEASE_CLAIM, params: [lost.id] })
    if (this.#over.length > 0) statements.push(this.#forgetting())
    const standing = this.#wantsStanding ? this.#newId() : undefined
    if (standing !== undefined)
      statements.push({ sql: STAND, params: [standing, this.#worker, this.#leaseMs] })
    const tendAt = wish.tend
      ? statements.push({ sql: TEND, params: [TEND_MAX, wish.sole ? this.#worker : null] }) - 1
      : undefined
    const claimAt = statements.push(this.#claimStatement(id, wish)) - 1
    statements.push({ sql: 'commit' }, { sql: POSITION_SQL })
    const sentAt = this.#clock.monotonic()
    this.#unanswered.push({ id, sentAt })
    const results = await this.#claims.run(statements)
    if (this.#unanswered.length === 1) this.#unanswered = []
    else
      this.#unanswered = this.#unanswered.filter(
        (lost) => lost.id !== id && sentAt - lost.sentAt < UNANSWERED_MS,
      )
    const [at] = results.at(-1) as unknown as [PositionRow]
    const rows = results[claimAt] as unknown as ClaimRow[]
    const end = rows.pop() as ClaimRow
    const bytes = rows.length === 0 ? 0 : end.attempts_max / rows.length
    const claim = this.#claimOf(id, sentAt, rows.length)
    const position = positionOfRow(at)
    if (standing !== undefined) this.#stand(standing, sentAt)
    const [tended] = tendAt === undefined ? [] : (results[tendAt] as unknown as [TendedRow])
    return {
      last: end.attempt < wish.max ? undefined : { rank: end.bucket, due: end.seen as string },
      jobs: rows.map((row) => claimedOf(row, bytes, claim, position)),
      tended: tended && { ...tended, nextMs: tended.next_ms ?? undefined },
    }
  }

  /**
   * A claim that transactions of this process hand jobs over to. It takes them for a third of its lease, then there is
   * another, so that a job that is lost from sight is not held for longer. Undefined when there is none: there will be with the next claim.
   */
  standing(): Claim | undefined {
    const age = this.#standing ? this.#clock.monotonic() - this.#standing.sentAt : Number.POSITIVE_INFINITY
    if (age > this.#leaseMs / 6) this.#wantsStanding = true
    return age < this.#leaseMs / 3 ? this.#standing : undefined
  }

  #stand(id: string, sentAt: number): void {
    this.#wantsStanding = false
    this.#standing?.close()
    this.#standing = this.#claimOf(id, sentAt)
  }

  #newId(): string {
    return (this.#random.bytes(8).readBigUInt64BE() >> 1n).toString()
  }

  #claimOf(id: string, sentAt: number, jobs?: number): Claim {
    return new Claim(
      { id, cluster: this.cluster, sentAt, jobs },
      {
        over: (id) => this.#over.push(id),
        abandoned: (held) => this.#abandoned.set(held, this.#clock.monotonic()),
      },
    )
  }

  #claimStatement(id: string, { alone, max, from }: ClaimWish): SystemStatement {
    if (alone) return { sql: CLAIM_SUSPECT, params: [this.#worker, id, this.#leaseMs] }
    const look = [from?.windowMs ?? null, from?.last?.rank ?? null, from?.last?.due ?? null]
    return { sql: CLAIM, params: [this.#worker, id, max, this.#leaseMs, CLAIM_BYTES_MAX, ...look] }
  }

  #forgetting(): SystemStatement {
    return { sql: FORGET, params: [`{${this.#over.splice(0).join()}}`] }
  }

  /** Gives back what was abandoned: prolonged for others, its claim would hold it as long. */
  async letGo(): Promise<void> {
    const asked = [...this.#abandoned]
    if (asked.length === 0) return
    const [[row] = []] = await this.#reports.run([releaseOf(asked.map(([job]) => job))])
    const refused = new Set(row?.refused as string[])
    const now = this.#clock.monotonic()
    for (const [job, since] of asked) {
      if (refused.has(job.id)) {
        // It is another's or gone, or its transaction has not come to its end; by then it has.
        if (now - since > 2 * this.#leaseMs) this.#abandoned.delete(job)
      } else if (this.#abandoned.delete(job)) job.claim.ended()
    }
  }

  /** Prolongs the leases; tells for each job that is still ours whether it was asked to end. */
  async renew(jobs: readonly Claimed[]): Promise<ReadonlyMap<string, boolean>> {
    const [rows = []] = await this.#reports.run([{ sql: RENEW, params: [...runArrays(jobs), this.#leaseMs] }])
    return new Map(rows.map((row) => [row.id as string, row.cancel as boolean]))
  }

  /** Whether the run is still ours. */
  async progress({ claim, id, fence, bucket }: Claimed, json: string): Promise<boolean> {
    const sql = 'select tenfold.progress_job($1, $2, $3, $4, $5) as ours'
    const [rows = []] = await this.#reports.run([{ sql, params: [claim.id, id, fence, bucket, json] }])
    return rows[0]?.ours === true
  }

  /** Jobs that could run now, or do. */
  async pending(): Promise<number> {
    const sql = 'select count(*)::int as pending from tenfold.jobs where state in (0, 2, 3, 5)'
    const [rows = []] = await this.#reports.run([{ sql }])
    return Number(rows[0]?.pending ?? 0)
  }

  async close(): Promise<void> {
    this.#standing?.close()
    if (this.#over.length > 0) await this.#claims.run([this.#forgetting()]).catch(() => {})
    await Promise.all([this.#claims.close(), this.#reports.close()])
  }
}
