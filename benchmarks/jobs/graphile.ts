import { Logger, type RunnerOptions, runMigrations } from 'graphile-worker'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { withSession } from '../kit/embedded.ts'

export interface GraphileTuning {
  readonly concurrentJobs: number
  /** Jobs that one statement claims. */
  readonly localQueueSize: number
}

/** The preset of graphile-worker's page on performance; `tune.ts` looks for a better one. */
export const DOCUMENTED: GraphileTuning = { concurrentJobs: 24, localQueueSize: 500 }

/** The fastest that `tune.ts` found. */
export const TUNED: GraphileTuning = { concurrentJobs: 24, localQueueSize: 2000 }

/** Says nothing while all goes well; an error is thrown, so that no figure hides it. */
const quiet = new Logger(() => (level, message) => {
  if (level === 'error') throw new Error(`graphile-worker: ${message}`)
})

export function graphileOptions(
  { host, port, user, password, database }: ConnectionOptions,
  { concurrentJobs, localQueueSize }: GraphileTuning,
): RunnerOptions {
  const query = new URLSearchParams({ host, port: String(port) })
  const account = `${encodeURIComponent(user)}:${encodeURIComponent(password ?? '')}`
  return {
    noHandleSignals: true,
    logger: quiet,
    preset: {
      worker: {
        connectionString: `postgresql://${account}@/${database}?${query}`,
        concurrentJobs,
        maxPoolSize: concurrentJobs + 1,
        localQueue: { size: localQueueSize },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
  }
}

export const installGraphile = (connection: ConnectionOptions): Promise<void> =>
  runMigrations(graphileOptions(connection, DOCUMENTED))

/** An empty queue with `jobs` new jobs: added in one statement, as its page on performance adds them. */
export function fillGraphile(connection: ConnectionOptions, jobs: number): Promise<void> {
  return withSession(connection, async (client) => {
    await client.query('truncate graphile_worker._private_jobs')
    await client.query(
      `select count(*) from graphile_worker.add_jobs(array(
        select json_populate_record(null::graphile_worker.job_spec,
          json_build_object('identifier', 'noop', 'payload', json_build_object('id', i)))
        from generate_series(1, $1::int) i))`,
      [jobs],
    )
    await client.query('analyze graphile_worker._private_jobs')
  })
}
