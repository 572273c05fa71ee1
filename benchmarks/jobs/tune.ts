// How graphile-worker was tuned: `npm run tune-jobs --workspace benchmarks -- --count 50000 --rounds 3`
import { alternate } from '../kit/alternate.ts'
import { withPostgres, withSession } from '../kit/embedded.ts'
import { readOptions } from '../kit/options.ts'
import { median } from '../kit/stats.ts'
import { startDrainProcess } from './drain-process.ts'
import type { Drain } from './drain-protocol.ts'
import { DOCUMENTED, fillGraphile, type GraphileTuning, installGraphile } from './graphile.ts'

const TUNINGS: readonly GraphileTuning[] = [
  DOCUMENTED,
  ...[24, 50, 100, 200].flatMap((concurrentJobs) =>
    [1000, 2000, 4000].map((localQueueSize) => ({ concurrentJobs, localQueueSize })),
  ),
]

const { rounds, count: jobs } = readOptions({ rounds: 3, count: 50_000 })

await withPostgres({}, async (connection, { pid: postgres }) => {
  await installGraphile(connection)
  await using processes = new AsyncDisposableStack()
  const contestants = []
  for (const tuning of TUNINGS) {
    const worker = processes.use(await startDrainProcess('drain-graphile.ts', [connection, tuning]))
    const sample = async (): Promise<Drain> => {
      await fillGraphile(connection, jobs)
      await withSession(connection, (client) => client.query('checkpoint'))
      return worker.drain({ jobs, postgres })
    }
    await sample()
    contestants.push({
      name: `${tuning.concurrentJobs} at a time, local queue ${tuning.localQueueSize}`,
      sample,
    })
  }
  const samples = await alternate(contestants, rounds, (round) =>
    process.stderr.write(`${round + 1}/${rounds}\n`),
  )
  for (const [name, list] of samples) {
    const of = (pick: (sample: Drain) => number): number => Math.round(median(list.map(pick)))
    const [rate, node, postgresUs] = [
      of(({ seconds }) => jobs / seconds),
      of(({ nodeUs }) => nodeUs),
      of((s) => s.postgresUs),
    ]
    console.log(`${name}: ${rate}/s, Node.js ${node} µs, PostgreSQL ${postgresUs} µs a job`)
  }
})
