import type { Timer } from '../core/clock.ts'
import { type Claimed, placeOf } from './claimed.ts'
import { contextOf } from './context.ts'
import { type JobCancelled, JobLeaseLost, JobStopped, JobTimeout, JobUnknown } from './errors.ts'
import { inputInvalid, type JobKind, parse } from './kinds.ts'
import type { Progress } from './progress.ts'
import type { JobsOptions } from './types.ts'

/** SQLSTATE that `tenfold.complete_job` raises when the fence does not match. */
const FENCED = 'TF003'

/** How a run ended. `written`: `job.write` has committed its completion. `lost`: it is another's by now. */
export type Outcome =
  | { readonly kind: 'done' | 'written' | 'lost' | 'stopped' }
  | { readonly kind: 'failed'; readonly error: unknown; readonly dead: boolean }

/** What runs share. */
export interface RunEnvironment {
  readonly options: JobsOptions
  readonly kinds: ReadonlyMap<string, JobKind>
  progress(run: Run): Progress
}

/** One run of a job in this process. */
export class Run {
  readonly job: Claimed
  readonly #env: RunEnvironment
  #controller: AbortController | undefined
  #reason: Error | undefined
  #progress: Progress | undefined
  #written = false
  /** Under way: the run's end must not fence them off. */
  readonly #writes = new Set<Promise<unknown>>()
  #end: ((outcome: Outcome) => void) | undefined
  /** Monotonic milliseconds of when it came here. */
  readonly takenAt: number
  /** Monotonic milliseconds of the claim or the last heartbeat: the lease counts from before it was sent. */
  leasedAt: number

  constructor(job: Claimed, env: RunEnvironment) {
    this.job = job
    this.#env = env
    this.takenAt = env.options.clock.monotonic()
    this.leasedAt = job.claim.sentAt
  }

  /** Made when it is asked for: most runs never look at it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#reason) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  /** Asks the run to end. A run that is another's by now, or took too long, is over at once, whatever it still does. */
  abort(reason: JobTimeout | JobLeaseLost | JobCancelled | JobStopped): void {
    if (this.#reason) return
    this.#reason = reason
    this.#controller?.abort(reason)
    if (reason instanceof JobLeaseLost) this.#end?.({ kind: 'lost' })
    if (reason instanceof JobTimeout) this.#end?.({ kind: 'failed', error: reason, dead: false })
  }

  /** Resolves when the run is over; never rejects. */
  async outcome(): Promise<Outcome> {
    const { job } = this
    const kind = this.#env.kinds.get(job.name)
    if (!kind) return { kind: 'failed', error: new JobUnknown(job.name), dead: false }
    const input = parse(kind.input, job.payload)
    if (!input.success) return { kind: 'failed', error: inputInvalid(job.name, input.error), dead: true }
    const { clock } = this.#env.options
    let timer: Timer | undefined
    const outcome = await new Promise<Outcome>((resolve) => {
      this.#end = resolve
      timer = clock.timer(kind.timeoutMs, () => this.abort(new JobTimeout(job.name, kind.timeoutMs)))
      this.#handle(kind, input.data).then(
        () => resolve({ kind: 'done' }),
        (error) => resolve({ kind: 'failed', error, dead: false }),
      )
    })
    timer?.cancel()
    await this.#progress?.close()
    return this.#judged(outcome)
  }

  async #handle(kind: JobKind, input: unknown): Promise<void> {
    const { storage, system } = this.#env.options
    try {
      await storage.run(contextOf(this, this.#env.options), () => kind.run(this.#handed(input), system()))
    } catch (error) {
      await Promise.allSettled(this.#writes)
      throw error
    }
    // The handler need not have waited for them. The failure of one that it has not seen is the run's.
    await Promise.all(this.#writes)
  }

  #judged(outcome: Outcome): Outcome {
    if (this.#written) return { kind: 'written' }
    if (outcome.kind !== 'failed') return outcome
    if (outcome.error instanceof JobLeaseLost) return { kind: 'lost' }
    return this.#reason instanceof JobStopped ? { kind: 'stopped' } : outcome
  }

  /** What the handler gets. */
  #handed(input: unknown) {
    const { id, name, attempt, attemptsMax } = this.job
    const run = this
    return {
      id,
      name,
      input,
      attempt,
      attemptsMax,
      get signal() {
        return run.signal
      },
      progress: (value: unknown) => {
        this.#progress ??= this.#env.progress(this)
        return this.#progress.set(name, value)
      },
      write: (name: string, work: (tx: never) => Promise<unknown>, options?: object) =>
        this.#noted(this.#write(name, work, options)),
    }
  }

  #noted(writing: Promise<unknown>): Promise<unknown> {
    const over = (): void => void this.#writes.delete(writing)
    this.#writes.add(writing)
    writing.then(over, over)
    return writing
  }

  async #write(name: string, work: (tx: never) => Promise<unknown>, options?: object): Promise<unknown> {
    const { claim, id, fence } = this.job
    if (this.#reason instanceof JobLeaseLost || this.#written) throw new JobLeaseLost(this.job.name, id)
    const last = { sql: 'select tenfold.complete_job($1, $2, $3)', params: [claim.id, id, fence] }
    try {
      const result = await this.#env.options.write(placeOf(this.job), name, work, last, options)
      this.#written = true
      claim.ended()
      return result
    } catch (error) {
      if ((error as { code?: unknown } | undefined)?.code !== FENCED) throw error
      const lost = new JobLeaseLost(this.job.name, id, { cause: error })
      this.abort(lost)
      throw lost
    }
  }
}
