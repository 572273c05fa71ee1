import type { RequestContext } from '../core/context.ts'
import type { Logger } from '../core/log.ts'
import type { Position } from '../core/position.ts'
import type { SeenScope } from '../core/seen.ts'
import type { Claimed } from './claimed.ts'
import type { JobsOptions } from './types.ts'

/** The run that a context is made for. */
interface RunOf {
  readonly job: Claimed
  /** Made when it is asked for. */
  readonly signal: AbortSignal
}

/**
 * What belongs to one run. Its request id is the job's: markers and ids are the same over all runs of the job, so what
 * one run has written the next does not write again.
 */
class RunContext implements RequestContext {
  readonly requestId: string
  readonly jobId: string
  readonly writeNames = new Set<string>()
  readonly timing = { dbMs: 0, cacheMs: 0 }
  readonly wrote = new Map<string, Position>()
  idsDrawn = 0
  readonly #run: RunOf
  readonly #options: JobsOptions
  #log: Logger | undefined
  #seen: SeenScope | undefined

  constructor(run: RunOf, options: JobsOptions) {
    this.#run = run
    this.#options = options
    this.requestId = run.job.id
    this.jobId = run.job.id
  }

  get fresh(): boolean {
    return this.#run.job.fence === 0
  }

  get signal(): AbortSignal {
    return this.#run.signal
  }

  get log(): Logger {
    const { id, name, attempt } = this.#run.job
    this.#log ??= this.#options.log.child({ job: name, jobId: id, attempt })
    return this.#log
  }

  get seen(): SeenScope {
    const { seen, claim, position } = this.#run.job
    this.#seen ??= this.#options.seen(seen, claim.cluster, position)
    return this.#seen
  }
}

export const contextOf = (run: RunOf, options: JobsOptions): RequestContext => new RunContext(run, options)
