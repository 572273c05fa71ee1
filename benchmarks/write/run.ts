import type { RuntimeOptions } from '../../src/app/runtime.ts'
import type { AppDefinition } from '../../src/app/types.ts'
import type { ConnectionOptions } from '../../src/data/client/types.ts'
import { alternate } from '../kit/alternate.ts'
import definition from '../kit/app/app.ts'
import { CountProxy } from '../kit/count-proxy.ts'
import { cpuSince, markCpu } from '../kit/cpu.ts'
import { type BenchSystem, withPostgres, withRuntime } from '../kit/embedded.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { withReplicas } from '../kit/replicas.ts'
import { finish, type Row } from '../kit/report.ts'
import { withPeers } from './bare.ts'
import { type Insert, nextPost, throughKysely, throughQuery } from './insert.ts'
import { rows, type WriteSample } from './rows.ts'

const CONCURRENT = 10
/** Writes of one sample: enough that a round of all contestants takes about a second. */
const WRITES = {
  durable: { 1: 200, 10: 600 },
  volatile: { 1: 600, 10: 1500 },
  synchronous: { 1: 200, 10: 600 },
} as const
const WARM_WRITES = 3000
const TRIPS_MAX = 2

const options = readOptions()

type Samples = Record<string, WriteSample[]>
let machine: Machine | undefined
let trips = 0

const durable = await withPostgres({}, async (connection, { version, pid }) => {
  machine = describeMachine(version)
  trips = await countTrips(connection)
  return compare('durable', connection, pid)
})
// The flush of the log is the same for both and most of the time; without it the rest shows.
const volatile = await withPostgres({ fsync: 'off' }, (connection, { pid }) =>
  compare('volatile', connection, pid),
)
// A commit waits for one of two replicas.
const { placing, options: app } = definition as unknown as AppDefinition
const synchronous = await withReplicas(
  { placing, migrations: app.migrations },
  ({ options: cluster, pids }) =>
    compare('synchronous', cluster.connection, pids[0]!, { clusters: [cluster] }),
)

const how = `${options.rounds} alternations; one process, one embedded PostgreSQL, each of ours and the peer's own pool of ${CONCURRENT}`
const table: Row[] = [
  { figure: 'round trips of one write', value: String(trips), goal: `≤ ${TRIPS_MAX}`, verdict: 'met' },
  ...rows(durable, 'durable', 1.4),
  ...rows(synchronous, 'synchronous', 1.15),
  ...rows(volatile, 'fsync = off'),
]
finish(
  {
    topic: 'Write: one insert, exactly once',
    machine: machine!,
    rounds: options.rounds,
    how,
    rows: table,
    samples: { durable, synchronous, volatile },
  },
  options.save ? import.meta.dirname : undefined,
)

/** What one write says to PostgreSQL, once its statements are prepared: others speak at times, too. @throws Error when it is too much */
async function countTrips(connection: ConnectionOptions): Promise<number> {
  const proxy = await CountProxy.open(connection)
  try {
    return await withRuntime(proxy.connection, async (system) => {
      let most = 0
      for (const insert of [throughQuery(system), throughKysely(system)]) {
        let least = Number.POSITIVE_INFINITY
        for (let i = 0; i < 20; i++) {
          const before = proxy.trips
          await insert(nextPost())
          least = Math.min(least, proxy.trips - before)
        }
        most = Math.max(most, least)
      }
      if (most > TRIPS_MAX) throw new Error(`A write took ${most} round trips, ${TRIPS_MAX} were promised`)
      return most
    })
  } finally {
    await proxy.close()
  }
}

function compare(
  kind: keyof typeof WRITES,
  connection: ConnectionOptions,
  postgres: number,
  runtime: Partial<RuntimeOptions> = {},
): Promise<Samples> {
  const work = (system: BenchSystem): Promise<Samples> =>
    withPeers(connection, CONCURRENT, async (peers) => {
      const found: Samples = {}
      const inserts = contestants(system, peers)
      for (const [, insert] of inserts)
        await burst({ insert, writes: WARM_WRITES, concurrent: CONCURRENT, postgres })
      for (const concurrent of [1, CONCURRENT] as const) {
        const samples = await alternate(
          inserts.map(([name, insert]) => ({
            name,
            sample: () => burst({ insert, writes: WRITES[kind][concurrent], concurrent, postgres }),
          })),
          options.rounds,
        )
        for (const [name, list] of samples) found[`${name}, ${concurrent} at a time`] = list
        process.stderr.write(`${kind}, ${concurrent} at a time: done\n`)
      }
      return found
    })
  return withRuntime(connection, work, undefined, runtime)
}

function contestants(system: BenchSystem, peers: { bare: Insert; kysely: Insert }): [string, Insert][] {
  return [
    ['write() with query', throughQuery(system)],
    ['write() with Kysely', throughKysely(system)],
    ['pg', peers.bare],
    ['Kysely over pg', peers.kysely],
  ]
}

interface Burst {
  readonly insert: Insert
  readonly writes: number
  readonly concurrent: number
  readonly postgres: number
}

/** `writes` inserts, `concurrent` at a time. */
async function burst({ insert, writes, concurrent, postgres }: Burst): Promise<WriteSample> {
  const mark = markCpu(postgres)
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const share = Math.ceil(writes / concurrent)
  const worker = async (): Promise<void> => {
    for (let i = 0; i < share; i++) await insert(nextPost())
  }
  await Promise.all(Array.from({ length: concurrent }, worker))
  const count = share * concurrent
  const { user, system } = process.cpuUsage(cpu)
  const msPerWrite = (performance.now() - startedAt) / count
  return { msPerWrite, nodeUs: (user + system) / count, postgresUs: cpuSince(mark, postgres) / count }
}
