import { placementOf } from '../core/keys.ts'
import { uuidv7 } from '../core/uuid.ts'
import { insertJobs, jobRow } from './enqueue.ts'
import { kindOf } from './kinds.ts'
import { Signal } from './signal.ts'
import type { JobDefinition, JobsOptions } from './types.ts'

/** Milliseconds between two looks, at most: another release may have changed a schedule. */
const LOOK_MS = 30_000
const FAILED_MS = 1_000
/** A time further away than the time after the next one, and this for clocks that differ, was set by a clock that was wrong. */
const SKEW_MS = 60_000
const CENTURY_MS = 100 * 365 * 86_400_000

/** The schedule as it is stored: how far away its next time is, and which it is; the row stays locked. */
const LOOK = `insert into tenfold.crons (name, bucket, tag, expression, next_at, serves)
  values ($1, $2, $3, $4, now() + $5::float8 * interval '1 ms', $7)
  on conflict (name) do update set expression = excluded.expression, (next_at, serves) = (
    select case when stays then crons.next_at else excluded.next_at end, case when stays then crons.serves else excluded.serves end
      from (select crons.expression = excluded.expression and crons.next_at <= now() + $6::float8 * interval '1 ms') there (stays))
  returning (extract(epoch from next_at - now()) * 1000)::float8 as left_ms, (extract(epoch from serves) * 1000)::float8 as serves_ms`
const MOVE = `update tenfold.crons set next_at = now() + $2::float8 * interval '1 ms', serves = $3 where name = $1`

/**
 * Puts in the jobs of schedules. Each schedule is a row in the bucket of its name; whoever finds its time come, with the
 * row locked, puts in the job and sets the next time in one transaction: once for each time, however many look. A time
 * that nobody was there for is made up once.
 */
export class Crons {
  readonly #options: JobsOptions
  readonly #jobs: readonly JobDefinition[]
  readonly #nudge: (cluster: string) => void
  readonly #newId: () => string
  readonly #changed = new Signal()
  #working = false
  #loop: Promise<void> = Promise.resolve()

  constructor(options: JobsOptions, nudge: (cluster: string) => void) {
    this.#options = options
    this.#jobs = options.jobs.filter((job) => kindOf(job).cron)
    this.#nudge = nudge
    this.#newId = uuidv7(options.clock, options.random)
  }

  begin(): void {
    if (this.#jobs.length === 0 || this.#working) return
    this.#working = true
    this.#loop = this.#loop.then(() => this.#work())
  }

  async end(): Promise<void> {
    this.#working = false
    this.#changed.notify()
    await this.#loop
  }

  /** Puts in what is due. @returns milliseconds until the next time of any */
  async look(): Promise<number> {
    let next = LOOK_MS
    for (const job of this.#jobs) next = Math.min(next, await this.#lookAt(job))
    return next
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#options
    while (this.#working) {
      const ms = await this.look().catch((error: unknown) => {
        log.warn({ err: error }, 'could not look after scheduled jobs; trying again')
        return FAILED_MS
      })
      if (this.#working) await this.#changed.wait(clock, Math.max(1, Math.ceil(ms)))
    }
  }

  async #lookAt(job: JobDefinition): Promise<number> {
    const { store, clock, clusterOf } = this.#options
    const { name } = job
    const hash = store.hash(`cron:${name}`)
    const placement = placementOf(hash)
    let fired = false
    const left = await store.applyWork(hash, async (tx) => {
      const now = clock.now()
      const first = this.#after(job, now)
      const [row] = await tx.query<{ left_ms: number; serves_ms: number }>(LOOK, [
        name,
        placement.bucket,
        placement.tag,
        job.options.cron,
        first - now,
        this.#after(job, first) - now + SKEW_MS,
        new Date(first),
      ])
      const leftMs = row?.left_ms ?? first - now
      if (leftMs > 0) return leftMs
      const marker = this.#newId()
      const asked = jobRow({ job, input: {}, options: {}, placement, marker, ordinal: 0, seen: '' }, clock)
      const { sql, params = [] } = insertJobs([asked])
      await tx.query(sql, params)
      // After the time that is served now, also if by this clock it is still to come; unless a clock that was wrong has set it.
      const serves = row?.serves_ms ?? now
      const served = serves - now > SKEW_MS ? Math.round((now + leftMs) / 1000) * 1000 : serves
      const next = this.#after(job, Math.max(now, served))
      await tx.query(MOVE, [name, next - now, new Date(next)])
      fired = true
      return next - now
    })
    if (fired) this.#nudge(clusterOf(placement))
    return left
  }

  /** The schedule's next time, in milliseconds since the epoch. There may be none, e.g. of the 30th of February. */
  #after(job: JobDefinition, at: number): number {
    return kindOf(job).cron?.nextRun(new Date(at))?.getTime() ?? at + CENTURY_MS
  }
}
