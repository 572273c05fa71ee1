import type { RequestContext } from '../core/context.ts'
import { placementOf } from '../core/keys.ts'
import { uuidv7 } from '../core/uuid.ts'
import { insertJobs, jobRow } from './enqueue.ts'
import type { EnqueueOptions, JobDefinition, JobsOptions } from './types.ts'

const EXISTING = `select id from tenfold.jobs
  where bucket = $1 and tag = $2 and name = $3 and unique_key = $4 and state <> 4`

/**
 * Records jobs outside of a transaction: exactly once within a request or a job, however often it runs, since the write's
 * marker and the job's id follow from its id and the ordinal of the call.
 */
export function enqueueOutside(
  { clock, clusterOf, random, storage, store }: JobsOptions,
  nudge: (cluster: string) => void,
): (job: JobDefinition, input: unknown, options?: EnqueueOptions) => Promise<string> {
  const newId = uuidv7(clock, random)
  const enqueued = new WeakMap<RequestContext, number>()
  return async (job, input, options = {}) => {
    const context = storage.current()
    const ordinal = context ? (enqueued.get(context) ?? 0) : 0
    if (context) enqueued.set(context, ordinal + 1)
    const marker = context?.requestId ?? newId()
    const name = `tenfold.enqueue.${ordinal}`
    const { unique } = options
    const hash = store.hash(unique === undefined ? `${marker}/${name}` : `job:${job.name}:${unique}`)
    const placement = placementOf(hash)
    const seen = context?.seen?.text() ?? ''
    // The ordinals of a transaction's own jobs begin at 0: these never meet them.
    const row = jobRow({ job, input, options, placement, marker, ordinal: -1 - ordinal, seen }, clock)
    const { sql, params = [] } = insertJobs([row])
    const id = await store.write(hash, name, async (tx) => {
      await tx.query(sql, params)
      if (row.unique_key === null) return row.id
      const place = [row.bucket, row.tag, row.name, row.unique_key]
      const [there] = await tx.query<{ id: string }>(EXISTING, place)
      return there?.id ?? row.id
    })
    nudge(clusterOf(placement))
    return id
  }
}
