import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { alternate } from '../kit/alternate.ts'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import { withRuntime } from '../kit/embedded.ts'
import { withPool } from '../kit/pool.ts'
import { nextPost } from '../write/insert.ts'
import { jobsApp } from './app.ts'
import { withBoss } from './boss.ts'
import { type Publish, throughBoss, throughGraphile, throughWrite } from './transaction.ts'

export const CONCURRENCIES = [1, 10] as const
/** Transactions of one sample: about a quarter of a second. */
const TRANSACTIONS = { 1: 200, 10: 800 } as const
const WARM_TRANSACTIONS = 3000

export interface EnqueueSample {
  readonly perSecond: number
  /** CPU of the one Node.js process and of PostgreSQL, in microseconds for each transaction. */
  readonly nodeUs: number
  readonly postgresUs: number
}

export type EnqueueSamples = Record<string, EnqueueSample[]>

/** Transactions that insert a row and record a job, by name and how many at a time. Nothing runs the jobs meanwhile. */
export function compareEnqueues(
  connection: ConnectionOptions,
  postgres: number,
  rounds: number,
): Promise<EnqueueSamples> {
  const app = jobsApp(() => {})
  const work = async (contestants: readonly [string, Publish][]): Promise<EnqueueSamples> => {
    for (const [, publish] of contestants)
      await burst({ publish, count: WARM_TRANSACTIONS, concurrent: 10, postgres })
    const found: EnqueueSamples = {}
    for (const concurrent of CONCURRENCIES) {
      const samples = await alternate(
        contestants.map(([name, publish]) => ({
          name: `${name}, ${concurrent} at a time`,
          sample: () => burst({ publish, count: TRANSACTIONS[concurrent], concurrent, postgres }),
        })),
        rounds,
      )
      for (const [name, list] of samples) found[name] = list
      process.stderr.write(`enqueue, ${concurrent} at a time: done\n`)
    }
    return found
  }
  return withPool(connection, Math.max(...CONCURRENCIES), (pool) =>
    withBoss(connection, (boss) =>
      withRuntime(
        connection,
        (system) =>
          work([
            ['tenfold', throughWrite(system, app)],
            ['pg-boss', throughBoss(pool, boss)],
            ['graphile-worker', throughGraphile(pool)],
          ]),
        app.definition,
        { runJobs: false },
      ),
    ),
  )
}

interface Burst {
  readonly publish: Publish
  readonly count: number
  readonly concurrent: number
  readonly postgres: number
}

async function burst({ publish, count, concurrent, postgres }: Burst): Promise<EnqueueSample> {
  const mark = markCpu(postgres)
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  let left = count
  const worker = async (): Promise<void> => {
    while (left > 0) await publish(nextPost(), left--)
  }
  await Promise.all(Array.from({ length: concurrent }, worker))
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: count / seconds,
    nodeUs: (user + system) / count,
    postgresUs: cpuSince(mark, postgres) / count,
  }
}
