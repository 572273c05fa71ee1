import type { Runtime } from '../app/runtime.ts'
import { JOB_STATES, type JobState } from '../jobs/index.ts'
import { type ControlAnswer, refusal } from './control-answer.ts'

/** What `tenfold jobs` asks of a running system: `/jobs`, `/jobs/retry`, `/jobs/discard`. */
async function answerJobs(
  jobs: Runtime['jobs'] | undefined,
  method: string | undefined,
  { pathname, searchParams }: URL,
): Promise<ControlAnswer> {
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
    return refusal(error)
  }
}

/** What a process that runs the application answers to `tenfold jobs`, `tenfold cache` and the console. */
export async function answerApp(
  runtime: Runtime | undefined,
  method: string | undefined,
  path: string,
): Promise<ControlAnswer> {
  const url = new URL(path, 'http://localhost')
  if (url.pathname.startsWith('/jobs')) return answerJobs(runtime?.jobs, method, url)
  if (runtime === undefined) return { status: 503, body: { title: 'The application has not started yet' } }
  if (url.pathname === '/metrics') return { status: 200, body: await runtime.metricsText() }
  if (url.pathname === '/cache') {
    const key = url.searchParams.get('key')
    return { status: 200, body: key === null ? runtime.cache.inspect() : runtime.cache.inspectKey(key) }
  }
  return { status: 404, body: { title: 'There is no such page' } }
}
