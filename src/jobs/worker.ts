import { isTenfoldError } from '../core/errors.ts'
import { lifecycle, type Service } from '../core/lifecycle.ts'
import type { Rider } from '../core/rider.ts'
import { uuidv7 } from '../core/uuid.ts'
import { backoffMs } from './backoff.ts'
import type { Claimed } from './claimed.ts'
import { BACKOFF_MS, ERROR_LENGTH_MAX, HELD_BYTES_MAX, SLOTS, TIMES } from './defaults.ts'
import { Desk } from './desk.ts'
import { isFree, type JobRow } from './enqueue.ts'
import { JobCancelled, JobLeaseLost, JobStopped } from './errors.ts'
import { Handoff, type Hands } from './handoff.ts'
import type { JobKind } from './kinds.ts'
import { Pace } from './pace.ts'
import { Posting } from './posting.ts'
import { Progress } from './progress.ts'
import { Queue, type Room } from './queue.ts'
import { type Failure, Reports } from './reports.ts'
import { type Outcome, Run, type RunEnvironment } from './run.ts'
import { Signal } from './signal.ts'
import { type Tally, tally } from './tally.ts'
import type { JobsOptions, Times } from './types.ts'

/** Claims jobs on every cluster, runs them here, and reports how they ended. */
export class Worker implements Room {
  readonly #options: JobsOptions
  readonly #times: Times
  readonly #slots: number
  readonly #env: RunEnvironment
  readonly #queues = new Map<string, Queue>()
  readonly #pace: Pace
  readonly #tally: Tally
  readonly #waiting: Run[] = []
  /** Everything held, by job: what waits here and what runs. */
  readonly #held = new Map<string, Run>()
  #heldBytes = 0
  readonly #hands: Hands = {
    expect: (change) => {
      this.#expected += change
    },
    take: (job) => {
      // The commit is answered first.
      if (this.#arriving.push(job) === 1) setImmediate(() => this.#arrived())
    },
  }
  readonly #emptied = new Signal()
  /** Jobs that their transactions are just handing over. */
  #expected = 0
  /** Of those, the ones that have been committed. */
  readonly #arriving: Claimed[] = []
  #running = 0
  #alone: Queue | undefined
  #working = false
  #stopping = false
  #heart: Promise<void> = Promise.resolve()
  readonly #beat = new Signal()
  readonly service: Service
  /** Draws of this worker's life; names it in the rows that it holds. */
  readonly id: string
  #drains = 0
  /** Nobody had begun to claim before: whoever drains ends it, too. */
  #drainBegan = false

  constructor(options: JobsOptions, kinds: ReadonlyMap<string, JobKind>) {
    this.#options = options
    this.#times = { ...TIMES, ...options.times }
    this.#slots = options.slots ?? SLOTS
    this.#pace = new Pace(this.#slots)
    this.#tally = tally(options.metrics)
    this.id = uuidv7(options.clock, options.random)()
    this.#env = { options, kinds, progress: (run) => this.#progressOf(run) }
    this.service = lifecycle(
      async () => this.begin(),
      () => this.#stop(),
    )
  }

  /** Begins to claim. */
  begin(): void {
    if (this.#working) return
    this.#working = true
    for (const queue of this.#open()) queue.begin()
    this.#heart = this.#heart.then(() => this.#heartbeats())
  }

  /** Claims no more; what is held goes on. */
  async end(): Promise<void> {
    this.#working = false
    this.#beat.notify()
    this.#emptied.notify()
    await Promise.all([...this.#queues.values()].map((queue) => queue.end()))
    await this.#heart
  }

  get working(): boolean {
    return this.#working
  }

  /**
   * Jobs that are about to be recorded. One that is free to run, and that there is room for while nobody waits, need not stand in the
   * queue.
   */
  deliver(cluster: string, rows: readonly JobRow[]): Rider {
    const [row] = rows
    const queue = this.#queues.get(cluster)
    if (row && rows.length === 1 && isFree(row) && queue && this.#hasRoomNow(queue)) {
      const claim = queue.desk.standing()
      if (claim) return new Handoff(row, claim, this.#hands)
    }
    return new Posting(rows, () => this.nudge(cluster))
  }

  #hasRoomNow(queue: Queue): boolean {
    const held = this.#held.size + this.#expected
    return this.#working && queue.idle && held < this.#slots && this.want() > 0
  }

  #arrived(): void {
    for (const job of this.#arriving.splice(0)) {
      this.#expected--
      // Meanwhile nothing may begin here: whoever has room for it takes it from the queue.
      if (this.#alone || this.#stopping) this.#queueOf({ job }).reports.release(job)
      else this.take([job])
    }
  }

  nudge(cluster?: string): void {
    for (const [name, queue] of this.#queues) if (cluster === undefined || name === cluster) queue.nudge()
  }

  /** Asks the run of a job in this process to end. */
  cancel(id: string): void {
    const run = this.#held.get(id)
    run?.abort(new JobCancelled(run.job.name, id))
  }

  /** Runs what can run now, and what that brings about, until there is nothing more. What waits for its time stays. */
  async drain(): Promise<void> {
    if (!this.#working) this.#drainBegan = true
    this.#drains++
    this.begin()
    try {
      for (let left = 1; left > 0; ) {
        for (const queue of this.#queues.values()) queue.tendNow()
        await this.#settled()
        const counts = await Promise.all([...this.#queues.values()].map(({ desk }) => desk.pending()))
        left = counts.reduce((sum, count) => sum + count, 0)
        if (left > 0) await this.#options.clock.sleep(2)
      }
    } finally {
      // The last of those that drain at the same time: the others still wait for what is claimed.
      if (--this.#drains === 0 && this.#drainBegan) {
        this.#drainBegan = false
        await this.end()
      }
    }
  }

  want(): number {
    if (this.#alone || this.#heldBytes >= HELD_BYTES_MAX) return 0
    return this.#pace.want(this.#held.size)
  }

  take(jobs: readonly Claimed[]): void {
    for (const job of jobs) {
      // It had been taken from us, and has come back before we knew.
      const before = this.#held.get(job.id)
      if (before) {
        this.#lost(before)
        this.#letGo(before)
      }
      const run = new Run(job, this.#env)
      this.#held.set(job.id, run)
      this.#heldBytes += job.bytes
      this.#waiting.push(run)
    }
    while (this.#running < this.#slots && this.#waiting.length > 0) {
      this.#running++
      void this.#lane()
    }
  }

  async beginAlone(queue: Queue): Promise<boolean> {
    if (this.#alone) return false
    this.#alone = queue
    // Whatever takes long is waited for once, not by each that follows.
    const { alone } = this.#times
    const isYoung = ({ takenAt }: Run): boolean => this.#options.clock.monotonic() - takenAt < alone
    await this.#within(alone, () => this.#working && [...this.#held.values()].some(isYoung))
    return true
  }

  async endAlone(jobs: readonly Claimed[]): Promise<void> {
    await this.#within(this.#times.alone, () => this.#working && jobs.some(({ id }) => this.#held.has(id)))
    this.#alone = undefined
    this.nudge()
  }

  #open(): Queue[] {
    const { sessions, clock, log, random } = this.#options
    for (const cluster of sessions.clusters) {
      if (this.#queues.has(cluster)) continue
      const session = sessions.open(cluster, 'job reports')
      const desk = new Desk({
        cluster,
        // A claim that a crash of the server undoes was never made: whoever it was for has lost the job by its fence.
        claims: sessions.open(cluster, 'job claims', { asynchronous: true }),
        reports: session,
        worker: this.id,
        clock,
        random,
        leaseMs: this.#times.lease,
      })
      const reports = new Reports(session, clock, log, (jobs, released) => {
        if (released || jobs.some((job) => this.#isLimited(job))) this.nudge(cluster)
      })
      const sole = this.#options.soleWorker ?? false
      this.#queues.set(
        cluster,
        new Queue({ desk, reports, room: this, clock, log, times: this.#times, sole }),
      )
    }
    return [...this.#queues.values()]
  }

  /** One slot: runs what waits, one after the other. */
  async #lane(): Promise<void> {
    for (let run = this.#waiting.shift(); run; run = this.#waiting.shift()) {
      await this.#runOne(run)
      this.#roomy()
    }
    this.#running--
    this.#roomy()
  }

  #roomy(): void {
    if (this.want() > 0) for (const queue of this.#queues.values()) queue.roomy()
  }

  async #runOne(run: Run): Promise<void> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    let outcome: Outcome = { kind: 'lost' }
    // Its lease may have run out while this process was stopped.
    if (startedAt - run.leasedAt < this.#times.lease && this.#holds(run)) outcome = await run.outcome()
    const ms = clock.monotonic() - startedAt
    this.#pace.note(ms)
    if (this.#letGo(run)) this.#report(run, outcome, ms)
    const excess = this.#pace.excess(this.#waiting.length)
    if (excess > 0) for (const late of this.#waiting.splice(-excess)) this.#giveBack(late)
  }

  #report(run: Run, outcome: Outcome, ms: number): void {
    const { job } = run
    const { reports } = this.#queueOf(run)
    this.#tally(job.name, outcome.kind, ms)
    // Its completion, committed already, has let another of its owner go on.
    if (outcome.kind === 'written' && this.#isLimited(job)) this.nudge(job.claim.cluster)
    if (outcome.kind === 'done') reports.done(job)
    else if (outcome.kind === 'stopped') reports.release(job)
    else if (outcome.kind === 'failed') reports.failed(this.#failureOf(job, outcome))
    else if (outcome.kind === 'lost') {
      job.claim.abandon(job)
      const fields = { job: job.name, jobId: job.id, attempt: job.attempt, code: 'TENFOLD_JOB_LEASE_LOST' }
      this.#options.log.warn(fields, 'a run was taken over by another worker')
    }
  }

  #isLimited({ name }: Claimed): boolean {
    return (this.#env.kinds.get(name)?.concurrency ?? null) !== null
  }

  #failureOf(job: Claimed, { error, dead }: Extract<Outcome, { kind: 'failed' }>): Failure {
    const { log, random } = this.#options
    const last = dead || job.attempt >= job.attemptsMax
    const delayMs = backoffMs(job.attempt, this.#env.kinds.get(job.name)?.backoffMs ?? BACKOFF_MS, random)
    const fields = { err: error, job: job.name, jobId: job.id, attempt: job.attempt }
    if (last) log.error(fields, 'a job is put aside as dead')
    else log.warn({ ...fields, delayMs }, 'a job failed and runs again')
    return { job, error: errorText(error), delayMs, dead: last }
  }

  #giveBack(run: Run): void {
    if (this.#letGo(run)) this.#queueOf(run).reports.release(run.job)
  }

  /** @returns whether it was held until now */
  #letGo(run: Run): boolean {
    if (!this.#holds(run)) return false
    this.#held.delete(run.job.id)
    this.#heldBytes -= run.job.bytes
    if (this.#held.size === 0 || this.#alone) this.#emptied.notify()
    return true
  }

  #holds(run: Run): boolean {
    return this.#held.get(run.job.id) === run
  }

  #queueOf({ job }: Pick<Run, 'job'>): Queue {
    return this.#queues.get(job.claim.cluster) as Queue
  }

  #progressOf(run: Run): Progress {
    return new Progress(this.#options.clock, async (json) => {
      if (await this.#queueOf(run).desk.progress(run.job, json)) return
      const lost = new JobLeaseLost(run.job.name, run.job.id)
      run.abort(lost)
      throw lost
    })
  }

  /** Nothing is held, nothing is left to report, and each queue has looked in vain. */
  async #settled(): Promise<void> {
    const queues = [...this.#queues.values()]
    while (this.#held.size > 0 || queues.some(({ idle, reports }) => !idle || reports.waiting > 0)) {
      await this.#options.clock.sleep(1)
    }
    await Promise.all(queues.map(({ reports }) => reports.settled()))
  }

  async #heartbeats(): Promise<void> {
    const { clock, log } = this.#options
    while (this.#working || this.#held.size > 0) {
      await this.#beat.wait(clock, this.#times.heartbeat / 4)
      if (!this.#working) return
      await this.#renew().catch((error: unknown) =>
        log.warn({ err: error }, 'could not renew leases of jobs'),
      )
    }
  }

  async #renew(): Promise<void> {
    const now = this.#options.clock.monotonic()
    const old = [...this.#held.values()].filter(({ leasedAt }) => now - leasedAt >= this.#times.heartbeat)
    for (const [cluster, { desk }] of this.#queues) {
      const runs = old.filter(({ job }) => job.claim.cluster === cluster)
      if (runs.length > 0) await this.#renewOn(desk, runs, now)
      // Whatever becomes of this, the others have their leases.
      await desk.letGo()
    }
  }

  async #renewOn(desk: Desk, runs: readonly Run[], now: number): Promise<void> {
    const ours = await desk.renew(runs.map(({ job }) => job))
    for (const run of runs) {
      const cancel = ours.get(run.job.id)
      if (cancel === undefined) this.#lost(run)
      else run.leasedAt = now
      if (cancel) run.abort(new JobCancelled(run.job.name, run.job.id))
    }
  }

  /** Not ours any more, unless it ended in the meantime. */
  #lost(run: Run): void {
    if (this.#holds(run)) run.abort(new JobLeaseLost(run.job.name, run.job.id))
  }

  async #stop(): Promise<void> {
    const { clock } = this.#options
    this.#working = false
    this.#stopping = true
    this.#arrived()
    this.#beat.notify()
    this.#emptied.notify()
    const queues = [...this.#queues.values()]
    await Promise.all(queues.map((queue) => queue.end()))
    for (const run of this.#waiting.splice(0)) this.#giveBack(run)
    await this.#within(this.#times.stop)
    for (const run of this.#held.values()) run.abort(new JobStopped(run.job.name))
    await this.#within(this.#times.abort)
    for (const run of [...this.#held.values()]) this.#giveBack(run)
    const late = clock.timer(this.#times.abort, () => {
      for (const { reports } of queues) reports.close()
    })
    await Promise.all(queues.map(({ reports }) => reports.settled()))
    late.cancel()
    for (const { reports } of queues) reports.close()
    await Promise.all(queues.map(({ desk }) => desk.close()))
    await this.#heart
  }

  /** Waits while something is held that `goesOn` asks for, but no longer than so many milliseconds. */
  async #within(ms: number, goesOn = () => this.#held.size > 0): Promise<void> {
    const { clock } = this.#options
    const endsAt = clock.monotonic() + ms
    for (let left = ms; left > 0 && goesOn(); left = endsAt - clock.monotonic())
      await this.#emptied.wait(clock, Math.min(left, this.#times.poll))
  }
}

/** What an operator gets to read. PostgreSQL's text holds no NUL and no lone surrogates. */
function errorText(error: unknown): string {
  return told(error).slice(0, ERROR_LENGTH_MAX).toWellFormed().replaceAll('\0', '\ufffd')
}

/** Anything can be thrown, also what has no text. */
function told(error: unknown): string {
  if (isTenfoldError(error)) return `${error.code}: ${error.message} ${error.remedy}`
  try {
    return String((error instanceof Error && error.stack) || error)
  } catch {
    return `Something that has no text was thrown (${typeof error}).`
  }
}
