import type { Service } from '../core/lifecycle.ts'
import { lifecycle } from '../core/lifecycle.ts'
import type { Rider } from '../core/rider.ts'
import { Crons } from './crons.ts'
import { type JobRow, jobRow } from './enqueue.ts'
import { kindsOf } from './kinds.ts'
import { type ListQuery, Office } from './office.ts'
import { enqueueOutside } from './outside.ts'
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
  /** Where transactions put their jobs; see app/outbox.ts. */
  readonly intake: {
    row(request: EnqueueRequest): JobRow
    /** To be asked with the transaction's last round trip: it may take a slot of the worker. */
    deliver(cluster: string, rows: readonly JobRow[]): Rider
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

/** Wires the parts; nothing is started. @throws JobOptionInvalid */
export function createJobs(options: JobsOptions): JobsParts {
  const { clock, clusterOf, sessions } = options
  const kinds = kindsOf(options.jobs)
  const worker = new Worker(options, kinds)
  const office = new Office(sessions, clusterOf, clock)
  const nudge = (cluster: string): void => worker.nudge(cluster)
  const crons = new Crons(options, nudge)
  const enqueue = enqueueOutside(options, nudge)

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
    intake: {
      row: (request) => jobRow(request, clock),
      deliver: (cluster, rows) => worker.deliver(cluster, rows),
    },
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
