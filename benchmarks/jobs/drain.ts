import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { alternate } from '../kit/alternate.ts'
import { withSession } from '../kit/embedded.ts'
import { startDrainProcess } from './drain-process.ts'
import type { Drain } from './drain-protocol.ts'
import { fillGraphile, TUNED } from './graphile.ts'
import { tenfoldQueue } from './tenfold.ts'

/** Jobs of the run before the first: both processes are warm when they are measured. */
const WARM_JOBS = 20_000

export type Drains = Record<string, Drain[]>

/** Queues that were filled before, worked off by one process each, in turn. */
export async function compareDrains(
  connection: ConnectionOptions,
  postgres: number,
  { rounds, jobs }: { readonly rounds: number; readonly jobs: number },
): Promise<Drains> {
  await using tenfold = await startDrainProcess('drain-tenfold.ts', [connection])
  await using graphile = await startDrainProcess('drain-graphile.ts', [connection, TUNED])
  const fillTenfold = await tenfoldQueue(connection, Math.max(jobs, WARM_JOBS))
  const contestants = [
    { name: 'tenfold', fill: fillTenfold, worker: tenfold },
    {
      name: 'graphile-worker',
      fill: (count: number) => fillGraphile(connection, count),
      worker: graphile,
    },
  ].map(({ name, fill, worker }) => ({
    name,
    sample: async (count = jobs) => {
      await fill(count)
      // Each starts with a log that was just written out: full pages are logged anew by both.
      await withSession(connection, (client) => client.query('checkpoint'))
      return worker.drain({ jobs: count, postgres })
    },
  }))
  for (const { sample } of contestants) await sample(WARM_JOBS)
  const samples = await alternate(contestants, rounds, (round, found) => {
    const rates = [...found].map(([name, { seconds }]) => `${name} ${Math.round(jobs / seconds)}/s`)
    process.stderr.write(`${round + 1}/${rounds} ${rates.join('  ')}\n`)
  })
  return Object.fromEntries(samples)
}
