import type { Runtime } from '../app/runtime.ts'
import { isTenfoldError } from '../core/errors.ts'
import { JOB_STATES, type JobState } from '../jobs/index.ts'

/** What the control socket answers about jobs. */
export interface JobsAnswer {
  readonly status: number
  readonly body: unknown
}

/** What `tenfold jobs` asks of a running system: `/jobs`, `/jobs/retry`, `/jobs/discard`. */
export async function answerJobs(
  jobs: Runtime['jobs'] | undefined,
  method: string | undefined,
  { pathname, searchParams }: URL,
): Promise<JobsAnswer> {
  if (!jobs) return { status: 503, body: { title: 'the app has not started yet' } }
  try {
    if (method === 'GET' && pathname === '/jobs') {
      const state = searchParams.get('state') ?? undefined
      if (state !== undefined && !JOB_STATES.includes(state as JobState))
        return { status: 400, body: { title: `there is no state ${state}` } }
      const limit = Math.min(10_000, Math.max(1, Number(searchParams.get('limit') ?? 100) || 100))
      const name = searchParams.get('name') ?? undefined
      return { status: 200, body: await jobs.list({ state: state as JobState | undefined, name, limit }) }
    }
    const id = searchParams.get('id') ?? 'all'
    if (method === 'POST' && pathname === '/jobs/retry')
      return { status: 200, body: { jobs: await jobs.retry(id) } }
    if (method === 'POST' && pathname === '/jobs/discard')
      return { status: 200, body: { jobs: await jobs.discard(id) } }
    return { status: 404, body: { title: 'There is no such page' } }
  } catch (error) {
    if (!isTenfoldError(error)) throw error
    const { status, code, message: title, remedy } = error
    return { status, body: { title, code, remedy } }
  }
}
