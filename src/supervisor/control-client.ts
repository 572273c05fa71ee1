import { request } from 'node:http'
import type { CacheKeyReport, CacheReport } from '../cache/index.ts'
import type { SystemStatus } from '../core/topology.ts'
import { JobMissing } from '../jobs/errors.ts'
import { controlSocketPath } from './control-path.ts'
import { ControlFailed, NotRunning, OperationRefused } from './errors.ts'

const ANSWER_MS_MAX = 5_000
/** A node may have to be copied. */
const OPERATION_MS_MAX = 120_000
/** No one listens there, or there is no such file: nothing runs. */
const ABSENT = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR'])

/** What the commands ask of a running system, over its control socket. */
export async function askStatus(folder: string): Promise<SystemStatus> {
  return JSON.parse(await call(folder, 'GET', '/status')) as SystemStatus
}

export async function askCache(folder: string): Promise<CacheReport> {
  return JSON.parse(await call(folder, 'GET', '/cache')) as CacheReport
}

export async function askCacheKey(folder: string, key: string): Promise<CacheKeyReport> {
  return JSON.parse(await call(folder, 'GET', `/cache?key=${encodeURIComponent(key)}`)) as CacheKeyReport
}

/** Begins a stop; it has ended when the processes are gone. */
export async function askStop(folder: string): Promise<void> {
  await call(folder, 'POST', '/stop')
}

/** Jobs that wait, run or are dead. */
export async function askJobs(
  folder: string,
  query: { state?: string | undefined; name?: string | undefined; limit: number },
): Promise<unknown[]> {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined) as [string, string][]
  return JSON.parse(await call(folder, 'GET', `/jobs?${new URLSearchParams(asked)}`)) as unknown[]
}

/** Changes a dead job, or all. @returns how many @throws JobMissing */
export async function askJobChange(
  folder: string,
  what: 'retry' | 'discard',
  id: string | undefined,
): Promise<number> {
  const query = id === undefined ? '' : `?${new URLSearchParams({ id })}`
  const { jobs } = JSON.parse(await call(folder, 'POST', `/jobs/${what}${query}`)) as { jobs: number }
  return jobs
}

/** Restarts, scales or breaks nodes. @returns their ids @throws OperationRefused */
export async function askOperation(
  folder: string,
  operation: 'restart' | 'scale' | 'fault',
  query: Readonly<Record<string, string>>,
): Promise<string[]> {
  const text = await call(folder, 'POST', `/${operation}?${new URLSearchParams(query)}`, OPERATION_MS_MAX)
  return (JSON.parse(text) as { nodes: string[] }).nodes
}

function call(folder: string, method: string, path: string, ms = ANSWER_MS_MAX): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        socketPath: controlSocketPath(folder),
        method,
        path,
        headers: { host: 'localhost' },
        timeout: ms,
      },
      (res) => {
        let body = ''
        res.setEncoding('utf8')
        res.on('data', (chunk: string) => {
          body += chunk
        })
        res.on('error', reject)
        res.on('end', () => {
          if (res.statusCode !== undefined && res.statusCode < 300) resolve(body)
          else if (res.statusCode === 404 && body.includes('TENFOLD_JOB_MISSING')) reject(jobMissing(body))
          else if (body.includes('"code"')) reject(refused(body))
          else reject(failed(`it answered ${res.statusCode ?? 0}: ${body.slice(0, 200)}`))
        })
      },
    )
    req.on('timeout', () => req.destroy(failed(`it did not answer within ${ms / 1000} s`)))
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (ABSENT.has(error.code ?? '')) reject(new NotRunning(folder, { cause: error }))
      else reject(error instanceof ControlFailed ? error : failed(error.message, error))
    })
    req.end()
  })
}

/** In the running system's own words. */
function refused(body: string): OperationRefused {
  const { title, remedy } = JSON.parse(body) as { title: string; remedy: string }
  return new OperationRefused(title, remedy)
}

/** Told by the system as it was found there. */
function jobMissing(body: string): JobMissing {
  const { title } = JSON.parse(body) as { title: string }
  return Object.assign(new JobMissing('', ''), { message: title })
}

const failed = (cause: string, error?: unknown): ControlFailed =>
  new ControlFailed(
    `The running system's control socket failed: ${cause}.`,
    'See `tenfold logs`; if the process hangs, end it: the next start recovers.',
    { cause: error },
  )
