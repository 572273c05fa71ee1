import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import type { SystemStatement, UpkeepSession } from '../core/ports.ts'
import { type Claimed, releaseOf, runArrays } from './claimed.ts'
import { REPORT_MAX } from './defaults.ts'

/** Milliseconds between attempts to report while the database is away. */
const AGAIN_MS = 100
/** Milliseconds between two reports, unless so many wait: what ends meanwhile goes along. The first after a rest goes at once. */
const GATHER_MS = 10
const GATHER_MAX = 100

/** A run that failed, as `tenfold.fail_jobs` takes it. */
export interface Failure {
  readonly job: Claimed
  readonly error: string
  readonly delayMs: number
  readonly dead: boolean
}

/**
 * Tells one cluster how runs ended, in batches that form by themselves: what ends while one is on its way goes with
 * the next. It tries until the database has answered; what it then refuses was another's run by that time.
 */
export class Reports {
  readonly #session: UpkeepSession
  readonly #clock: Clock
  readonly #log: Logger
  #done: Claimed[] = []
  #failed: Failure[] = []
  #released: Claimed[] = []
  #pumping: Promise<void> | undefined
  #closed = false
  #gatherUntil = Number.NEGATIVE_INFINITY

  readonly #onTold: (jobs: readonly Claimed[], released: boolean) => void

  /** @param onTold the database has taken it: others may run that could not before */
  constructor(
    session: UpkeepSession,
    clock: Clock,
    log: Logger,
    onTold: (jobs: readonly Claimed[], released: boolean) => void,
  ) {
    this.#onTold = onTold
    this.#session = session
    this.#clock = clock
    this.#log = log
  }

  done(job: Claimed): void {
    this.#done.push(job)
    this.#start()
  }

  failed(failure: Failure): void {
    this.#failed.push(failure)
    this.#start()
  }

  /** Gives back what did not run; the attempt does not count. */
  release(job: Claimed): void {
    this.#released.push(job)
    this.#start()
  }

  get waiting(): number {
    return this.#done.length + this.#failed.length + this.#released.length
  }

  /** Resolves when nothing is left to tell. */
  async settled(): Promise<void> {
    while (this.#pumping) await this.#pumping
  }

  /** From now on gives up instead of trying again. */
  close(): void {
    this.#closed = true
  }

  #start(): void {
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = undefined
      if (this.waiting > 0 && !this.#closed) this.#start()
    })
  }

  async #pump(): Promise<void> {
    // Runs that only compute end one after the other without a turn of the event loop between: all of them go along.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.waiting > 0) {
      const ms = this.#gatherUntil - this.#clock.monotonic()
      if (ms > 0 && this.waiting < GATHER_MAX && !this.#closed) await this.#clock.sleep(ms)
      const done = this.#done.splice(0, REPORT_MAX)
      const failed = this.#failed.splice(0, REPORT_MAX)
      const released = this.#released.splice(0, REPORT_MAX)
      await this.#tell([done, failed, released])
      this.#gatherUntil = this.#clock.monotonic() + GATHER_MS
    }
  }

  async #tell(batch: Batch): Promise<void> {
    const statements = reportStatements(batch)
    for (let again = false; ; again = true) {
      try {
        const results = await this.#session.run(statements)
        const refused = results.flatMap(([row]) => (row?.refused as string[] | undefined) ?? [])
        // After a lost answer the first attempt may have been applied: then all of it is refused now.
        if (refused.length > 0) this.#refused(refused, again)
        this.#told(batch, refused)
        return
      } catch (error) {
        if (!this.#closed && this.#session.isTransient(error)) await this.#clock.sleep(AGAIN_MS)
        else if (!this.#closed && sizeOf(batch) > 1) return this.#tellHalves(batch)
        else if (!this.#closed && isHindered(error)) await this.#clock.sleep(AGAIN_MS)
        else return this.#givenUp(batch, error)
      }
    }
  }

  #told(batch: Batch, refused: readonly string[]): void {
    const others = new Set(refused)
    for (const job of jobsOf(batch)) {
      // Of what was refused nobody knows: it may still be held.
      if (others.has(job.id)) job.claim.abandon(job)
      else job.claim.ended()
    }
    const [done, failed, released] = batch
    this.#onTold([...done, ...failed.map(({ job }) => job)], released.length > 0)
  }

  /** Too much for the server at once (locks of many buckets), or one among them that it cannot take. */
  async #tellHalves(batch: Batch): Promise<void> {
    const half = <T>(list: readonly T[], from: 0 | 1): T[] => {
      const middle = Math.ceil(list.length / 2)
      return from === 0 ? list.slice(0, middle) : list.slice(middle)
    }
    const [done, failed, released] = batch
    // Kinds first: each then halves by itself.
    const parts: Batch[] =
      [done, failed, released].filter(({ length }) => length > 0).length > 1
        ? [
            [done, [], []],
            [[], failed, []],
            [[], [], released],
          ]
        : ([0, 1] as const).map((from): Batch => [half(done, from), half(failed, from), half(released, from)])
    for (const part of parts) if (sizeOf(part) > 0) await this.#tell(part)
  }

  #givenUp(batch: Batch, error: unknown): void {
    for (const job of jobsOf(batch)) job.claim.abandon(job)
    this.#log.error({ err: error, jobs: sizeOf(batch) }, 'could not report how jobs ended; they run again')
  }

  #refused(ids: readonly string[], again: boolean): void {
    const fields = { jobs: ids.slice(0, 20), count: ids.length, code: 'TENFOLD_JOB_LEASE_LOST' }
    if (again) this.#log.debug(fields, 'runs were reported twice, or taken over')
    else this.#log.warn(fields, 'runs ended late: they had been taken over, or their jobs are gone')
  }
}

type Batch = readonly [done: readonly Claimed[], failed: readonly Failure[], released: readonly Claimed[]]

const jobsOf = ([done, failed, released]: Batch): Claimed[] => [
  ...done,
  ...failed.map(({ job }) => job),
  ...released,
]
const sizeOf = (batch: Batch): number => batch.reduce((sum, { length }) => sum + length, 0)

/** It got no lock, no time (SQLSTATE 55P03, 57014), or the server had no room for it: later it may. */
function isHindered(error: unknown): boolean {
  const { code } = error as { code?: unknown }
  return typeof code === 'string' && /^(?:55P03|57014|53...|58...)$/.test(code)
}

/** Kinds apart: what ends one has locks of its owners to the end of its transaction, and would wait with them for others. */
function reportStatements([done, failed, released]: Batch): SystemStatement[] {
  const statements: SystemStatement[] = []
  if (done.length > 0)
    statements.push({
      sql: 'select tenfold.complete_jobs($1, $2, $3, $4) as refused',
      params: runArrays(done),
    })
  if (failed.length > 0)
    statements.push({
      sql: 'select tenfold.fail_jobs($1) as refused',
      params: [
        JSON.stringify(
          failed.map(({ job: { claim, id, fence, bucket }, error, delayMs, dead }) => ({
            claim: claim.id,
            id,
            fence,
            bucket,
            error,
            delay_ms: delayMs,
            dead,
          })),
        ),
      ],
    })
  if (released.length > 0) statements.push(releaseOf(released))
  if (statements.length === 1) return statements
  return statements.flatMap((statement) => [{ sql: 'begin' }, statement, { sql: 'commit' }])
}
