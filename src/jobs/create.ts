import type { RequestContext } from '../core/context.ts'
import type { Service } from '../core/lifecycle.ts'
import { lifecycle } from '../core/lifecycle.ts'
import type { SystemStatement } from '../core/ports.ts'
import { uuidv7 } from '../core/uuid.ts'
import { Crons } from './crons.ts'
import { insertJobs, type JobRow, jobRow } from './enqueue.ts'
import { kindsOf } from './kinds.ts'
import { type ListQuery, Office } from './office.ts'
import type { EnqueueOptions, EnqueueRequest, JobDefinition, JobStatus, JobsOptions } from './types.ts'
import { Worker } from './worker.ts'

/** `system.jobs`. */
export interface JobsHandle {
  enqueue(job: JobDefinition, input: unknown, options?: EnqueueOptions): Promise<string>
  get(id: string): Promise<JobStatus | null>
  cancel(id: string): Promise<boolean>
}

/** Everything about jobs in one process. */
export interface JobsParts {
  readonly handle: JobsHandle
  /** Where transactions put their jobs; see `JobIntake` of app/outbox.ts. */
  readonly intake: {
    row(request: EnqueueRequest): JobRow
    insert(rows: readonly JobRow[]): SystemStatement
    nudge(cluster: string): void
  }
  /** Claims and runs jobs from `start` on; `stop` drains. Stop it before the data client. */
  readonly worker: Service
  /** Claims no more, as the first step of a stop; what runs goes on. */
  pause(): Promise<void>
  /** Runs what can run now, and what that brings about, started or not. Jobs that wait for their time stay. */
  drain(): Promise<void>
  list(query?: ListQuery): Promise<JobStatus[]>
  retry(id: string | 'all'): Promise<number>
  discard(id: string | 'all'): Promise<number>
}

const EXISTING = `select id from tenfold.jobs
  where bucket = $1 and tag = $2 and name = $3 and unique_key = $4 and state <> 4`

/** Wires the parts; nothing is started. @throws JobOptionInvalid */
export function createJobs(options: JobsOptions): JobsParts {
  const { clock, clusterOf, random, sessions, storage, store } = options
  const kinds = kindsOf(options.jobs)
  const worker = new Worker(options, kinds)
  const office = new Office(sessions, clusterOf, clock)
  const nudge = (cluster: string): void => worker.nudge(cluster)
  const crons = new Crons(options, nudge)
  const newId = uuidv7(clock, random)
  const enqueued = new WeakMap<RequestContext, number>()

  /** Exactly once within a request or a job, however often it runs: the write's marker and the id follow from both. */
  const enqueue = async (job: JobDefinition, input: unknown, how: EnqueueOptions = {}): Promise<string> => {
    const context = storage.current()
    const ordinal = context ? (enqueued.get(context) ?? 0) : 0
    if (context) enqueued.set(context, ordinal + 1)
    const marker = context?.requestId ?? newId()
    const name = `tenfold.enqueue.${ordinal}`
    const hash = store.hash(how.unique === undefined ? `${marker}/${name}` : `job:${job.name}:${how.unique}`)
    const placement = { bucket: hash % 4096, tag: hash >>> 12 }
    const seen = context?.seen?.text() ?? ''
    // The ordinal of a transaction's own jobs is a number: these never meet them.
    const row = jobRow({ job, input, options: how, placement, marker, ordinal: -1 - ordinal, seen }, clock)
    const { sql, params = [] } = insertJobs([row])
    const id = await store.write(hash, name, async (tx) => {
      await tx.query(sql, params)
      if (row.unique_key === null) return row.id
      const [there] = await tx.query<{ id: string }>(EXISTING, [
        row.bucket,
        row.tag,
        row.name,
        row.unique_key,
      ])
      return there?.id ?? row.id
    })
    nudge(clusterOf(placement))
    return id
  }

  const stop = async (): Promise<void> => {
    await crons.end()
    await worker.service.stop()
    await office.close()
  }
  return {
    handle: {
      enqueue,
      get: (id) => office.get(id),
      cancel: async (id) => {
        const what = await office.cancel(id)
        if (what === 'asked') worker.cancel(id)
        return what !== null
      },
    },
    intake: { row: (request) => jobRow(request, clock), insert: insertJobs, nudge },
    worker: lifecycle(async () => {
      await worker.service.start()
      crons.begin()
    }, stop),
    pause: () => worker.end(),
    drain: async () => {
      await crons.look()
      await worker.drain()
    },
    list: (query) => office.list(query),
    retry: async (id) => {
      const count = await office.retry(id)
      worker.nudge()
      return count
    },
    discard: (id) => office.discard(id),
  }
}
