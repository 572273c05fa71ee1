import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import type { Handled } from './app.ts'

/** A worker and its queue, in the process that calls {@link serveDrains}. */
export interface DrainWorker {
  /** Starts to work. `handled` is told of every run. Resolves with what stops it again. */
  start(handled: Handled): Promise<() => Promise<void>>
  /** How many of these jobs are still in the database. */
  left(ids: readonly string[]): Promise<number>
}

export interface DrainRequest {
  readonly jobs: number
  /** Process id of PostgreSQL, to read its CPU. */
  readonly postgres: number
}

/** One queue, worked off by one process. */
export interface Drain {
  readonly jobs: number
  /** Milliseconds from the call that starts the worker until its first handler runs. */
  readonly startMs: number
  /** Seconds from the first handler until the last job is gone from the database. */
  readonly seconds: number
  /** CPU of the worker's process and of PostgreSQL from start to end, in microseconds for each job. */
  readonly nodeUs: number
  readonly postgresUs: number
}

/** The last handlers to run; their completions are the last to be written. */
const WATCHED = 4096
const PAUSE_MS = 1

/** Answers every {@link DrainRequest} of the parent process with a {@link Drain}. */
export function serveDrains(worker: DrainWorker): void {
  process.on('message', (request: DrainRequest) => {
    drain(worker, request).then(
      (result) => process.send?.({ result }),
      (error: Error) => process.send?.({ error: error.stack }),
    )
  })
  process.on('disconnect', () => process.exit())
  process.send?.({ ready: true })
}

async function drain(worker: DrainWorker, { jobs, postgres }: DrainRequest): Promise<Drain> {
  const watched: string[] = new Array(Math.min(WATCHED, jobs))
  const all = Promise.withResolvers<void>()
  let [count, firstAt] = [0, 0]
  const handled: Handled = (id) => {
    if (count === 0) firstAt = performance.now()
    watched[count % watched.length] = id
    count += 1
    if (count === jobs) all.resolve()
  }
  const mark = markCpu(postgres)
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const stop = await worker.start(handled)
  await all.promise
  while ((await worker.left(watched)) > 0) await sleep(PAUSE_MS)
  const endedAt = performance.now()
  const { user, system } = process.cpuUsage(cpu)
  const postgresUs = cpuSince(mark, postgres)
  await stop()
  if (count !== jobs) throw new Error(`${jobs} jobs ran ${count} times`)
  return {
    jobs,
    startMs: firstAt - startedAt,
    seconds: (endedAt - firstAt) / 1000,
    nodeUs: (user + system) / jobs,
    postgresUs: postgresUs / jobs,
  }
}
