import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import type { Claimed } from './claimed.ts'
import { BATCH_MAX, REPORT_MAX } from './defaults.ts'
import type { ClaimAnswer, Desk } from './desk.ts'
import { Outlook } from './outlook.ts'
import type { Reports } from './reports.ts'
import { restMs } from './rest.ts'
import { Signal } from './signal.ts'
import type { Times } from './types.ts'

/** Milliseconds between two looks for what has become due, while claims are made anyway; see {@link restMs}. */
const TEND_MS = [200, 5_000] as const
/** The longest between two repairs, which nobody waits for. */
const REPAIR_MS_MAX = 60_000
/** First and last wait after a claim that failed. */
const FAILED_MS = [20, 1_000] as const

/**
 * Milliseconds between two claims of which the first took all there was: under traffic jobs gather meanwhile, so that
 * not each of them costs a claim of its own. The first after a rest is made at once.
 */
const GATHER_MS = 10

/** What a queue asks of the worker that it belongs to. */
export interface Room {
  /** How many jobs there is room for now. */
  want(): number
  /** Takes jobs that have been claimed. */
  take(jobs: readonly Claimed[]): void
  /**
   * Claims nothing from now on until {@link endAlone}, and waits until nothing is held by this process but runs of long
   * duration; false when somebody else has it.
   */
  beginAlone(queue: Queue): Promise<boolean>
  /** Resolves when what was claimed alone is over, or takes long. */
  endAlone(jobs: readonly Claimed[]): Promise<void>
}

/** The claims of one worker on one cluster: one at a time, as many as there is room for, none while idle. */
export class Queue {
  readonly desk: Desk
  readonly reports: Reports
  readonly #room: Room
  readonly #clock: Clock
  readonly #log: Logger
  readonly #times: Times
  readonly #changed = new Signal()
  readonly #outlook = new Outlook()
  #sole: boolean
  #working = false
  #loop: Promise<void> = Promise.resolve()
  #tendAt = Number.NEGATIVE_INFINITY
  #tendEveryMs: number = TEND_MS[0]
  /** Jobs in the next claim, at most. */
  #max = BATCH_MAX
  /** Whether the last claim looked for what has become due. */
  #tended = false
  #repairAt = Number.NEGATIVE_INFINITY
  #repairEveryMs = 0
  #gatherUntil = Number.NEGATIVE_INFINITY
  #nextDueAt = Number.POSITIVE_INFINITY
  #suspects = false
  /** Whether the last look found nothing to do. */
  idle = false

  constructor(options: {
    desk: Desk
    reports: Reports
    room: Room
    clock: Clock
    log: Logger
    times: Times
    sole: boolean
  }) {
    this.desk = options.desk
    this.reports = options.reports
    this.#room = options.room
    this.#clock = options.clock
    this.#log = options.log
    this.#times = options.times
    this.#sole = options.sole
  }

  begin(): void {
    this.#working = true
    this.#loop = this.#loop.then(() => this.#work())
  }

  /** Claims no more; resolves when none is under way. */
  async end(): Promise<void> {
    this.#working = false
    this.#changed.notify()
    await this.#loop
  }

  /** There may be something to claim, or room for it. */
  nudge(): void {
    this.idle = false
    this.#changed.notify()
  }

  /** Look for what has become due with the next claim, and everywhere. */
  tendNow(): void {
    this.#tendAt = Number.NEGATIVE_INFINITY
    this.#outlook.forget()
    this.nudge()
  }

  /** There is room again: of interest only to one that waits for it. */
  roomy(): void {
    if (!this.idle) this.#changed.notify()
  }

  async #work(): Promise<void> {
    let failedMs: number = FAILED_MS[0]
    while (this.#working) {
      try {
        await this.#step()
        failedMs = FAILED_MS[0]
        this.#max = Math.min(BATCH_MAX, this.#max * 2)
      } catch (error) {
        // Perhaps so many buckets at once are more locks than the server has room for.
        this.#max = Math.max(1, this.#max / 8)
        // The first failure is what a failover looks like.
        const say = failedMs === FAILED_MS[0] ? this.#log.debug : this.#log.warn
        say({ err: error, cluster: this.desk.cluster }, 'could not claim jobs; trying again')
        await this.#changed.wait(this.#clock, failedMs)
        failedMs = Math.min(failedMs * 2, FAILED_MS[1])
      }
    }
  }

  async #step(): Promise<void> {
    if (this.#suspects && (await this.#claimAlone())) return
    const want = this.reports.waiting > 2 * REPORT_MAX ? 0 : this.#room.want()
    const max = Math.min(want, Math.floor(this.#max))
    if (max === 0) {
      // Until there was room to look: what transactions hand over must not fill it before.
      this.idle = false
      return this.#changed.wait(this.#clock, this.#times.poll)
    }
    await this.#gather()
    this.#changed.reset()
    const { more } = await this.#claim(max, false)
    this.#gatherUntil = more ? Number.NEGATIVE_INFINITY : this.#clock.monotonic() + GATHER_MS
    if (more || !this.#working || this.#suspects) return
    this.idle = true
    const now = this.#clock.monotonic()
    // What woke us may have been a delayed job: a claim that did not look for those is followed by one that does.
    const nextAt = Math.min(
      this.#nextDueAt,
      this.#tended ? Number.POSITIVE_INFINITY : this.#tendAt + this.#tendEveryMs,
    )
    await this.#changed.wait(this.#clock, Math.max(1, Math.min(this.#times.poll, Math.ceil(nextAt - now))))
    if (this.#clock.monotonic() >= this.#nextDueAt) this.#tendAt = Number.NEGATIVE_INFINITY
  }

  async #gather(): Promise<void> {
    const ms = this.#gatherUntil - this.#clock.monotonic()
    if (ms > 0) await this.#clock.sleep(ms)
  }

  /** One job of those whose worker vanished, with nothing beside it: it may be what ended that worker. */
  async #claimAlone(): Promise<boolean> {
    this.#suspects = false
    if (!(await this.#room.beginAlone(this))) return false
    let jobs: readonly Claimed[] = []
    try {
      if (this.#working) ({ jobs } = await this.#claim(1, true))
    } finally {
      await this.#room.endAlone(jobs)
    }
    return true
  }

  /** @returns what was claimed, and whether there may be more: the look did not come to the end of what is ready */
  async #claim(max: number, alone: boolean): Promise<{ jobs: readonly Claimed[]; more: boolean }> {
    const sentAt = this.#clock.monotonic()
    const tend = sentAt - this.#tendAt >= this.#tendEveryMs || this.#sole
    const repair = sentAt - this.#repairAt >= this.#repairEveryMs
    this.#tended = tend
    if (tend) this.#tendAt = sentAt
    if (repair) this.#repairAt = sentAt
    const from = alone ? undefined : this.#outlook.from(sentAt)
    const answer = await this.desk.claim({ max, alone, tend, repair, sole: this.#sole, from })
    if (!alone) this.#outlook.looked(from === undefined, sentAt, this.#clock.monotonic(), answer.last)
    const tookMs = this.#clock.monotonic() - sentAt
    if (tend) this.#tendEveryMs = restMs(tookMs, ...TEND_MS)
    if (repair) this.#repairEveryMs = restMs(tookMs, this.#times.repair, REPAIR_MS_MAX)
    this.#noteTended(answer, sentAt)
    // With a suspect done, look at once for the next: only other work comes between.
    if (alone && answer.jobs.length > 0) this.#tendAt = Number.NEGATIVE_INFINITY
    this.#room.take(answer.jobs)
    return { jobs: answer.jobs, more: answer.last !== undefined }
  }

  #noteTended({ tended }: ClaimAnswer, sentAt: number): void {
    if (!tended) return
    this.#suspects = tended.suspects
    this.#nextDueAt = tended.nextMs === undefined ? Number.POSITIVE_INFINITY : sentAt + tended.nextMs
    if (tended.lost > 0)
      this.#log.warn(
        { cluster: this.desk.cluster, jobs: tended.lost },
        'took back jobs whose worker vanished',
      )
    // More of them may wait than fit into one round.
    if (tended.more) this.#tendAt = Number.NEGATIVE_INFINITY
    else this.#sole = false
  }
}
