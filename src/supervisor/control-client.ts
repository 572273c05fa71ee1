import { request } from 'node:http'
import type { CacheKeyReport, CacheReport } from '../cache/index.ts'
import { systemClock, type Timer } from '../core/clock.ts'
import { isTenfoldError } from '../core/errors.ts'
import type { SystemStatus } from '../core/topology.ts'
import { JobMissing } from '../jobs/errors.ts'
import { controlSocketPath } from './control-path.ts'
import { ControlFailed, NotRunning, OperationRefused } from './errors.ts'

const ANSWER_MS_MAX = 5_000
/** Milliseconds that a system at an operation has to say how it is. */
const ALIVE_MS_MAX = 15_000
/** Milliseconds without an answer to an operation after which the system is asked whether it is at it still. */
const PROGRESS_MS = 5_000
/** No one listens there, or there is no such file: nothing runs. */
const ABSENT = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTDIR'])

/** What the commands ask of a running system, over its control socket. */
export async function askStatus(folder: string, ms = ANSWER_MS_MAX): Promise<SystemStatus> {
  return JSON.parse(await call(folder, 'GET', '/status', { ms })) as SystemStatus
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

/**
 * Restarts, scales or breaks nodes. That lasts as long as it lasts, e.g. a copy of a large database, and goes on when nobody waits
 * for it any more.
 * @param onProgress is told every 5 s, or `everyMs`, how the system is meanwhile
 * @returns their ids @throws OperationRefused; ControlFailed when the system answers nothing any more
 */
export async function askOperation(
  folder: string,
  operation: 'restart' | 'scale' | 'fault',
  query: Readonly<Record<string, string>>,
  { onProgress, everyMs = PROGRESS_MS, answerMs = ALIVE_MS_MAX }: Waiting = {},
): Promise<string[]> {
  const path = `/${operation}?${new URLSearchParams(query)}`
  const text = await call(folder, 'POST', path, {
    ms: everyMs,
    isAlive: async () => {
      const status = await askStatus(folder, answerMs)
      onProgress?.(status)
    },
  })
  return (JSON.parse(text) as { nodes: string[] }).nodes
}

interface Waiting {
  readonly onProgress?: (status: SystemStatus) => void
  readonly everyMs?: number
  /** Milliseconds that the system has to say how it is. */
  readonly answerMs?: number
}

interface Patience {
  /** Milliseconds to wait for an answer. */
  readonly ms: number
  /** Asked after each; it waits on unless this rejects. */
  readonly isAlive?: () => Promise<void>
}

function call(
  folder: string,
  method: string,
  path: string,
  { ms, isAlive }: Patience = { ms: ANSWER_MS_MAX },
): Promise<string> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        socketPath: controlSocketPath(folder),
        method,
        path,
        headers: { host: 'localhost' },
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
    const late = (): ControlFailed => failed(`it did not answer within ${ms / 1000} s`)
    const wait = (): Timer =>
      systemClock.timer(ms, () => {
        if (isAlive === undefined) req.destroy(late())
        else
          isAlive().then(
            () => {
              if (!req.closed) timer = wait()
            },
            (error: Error) => req.destroy(error),
          )
      })
    let timer = wait()
    req.on('close', () => timer.cancel())
    req.on('error', (error: NodeJS.ErrnoException) => {
      if (ABSENT.has(error.code ?? '')) reject(new NotRunning(folder, { cause: error }))
      else reject(isTenfoldError(error) ? error : failed(error.message, error))
    })
    req.end()
  })
}

/** In the running system's own words, under its own code. */
function refused(body: string): OperationRefused {
  const { title, remedy, code } = JSON.parse(body) as { title: string; remedy: string; code: string }
  return Object.assign(new OperationRefused(title, remedy), { code })
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
