import { withPostgres } from '../kit/embedded.ts'
import { describeMachine, type Machine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { finish, type Row } from '../kit/report.ts'
import { compareDrains, type Drains } from './drain.ts'
import { compareEnqueues, type EnqueueSamples } from './enqueue.ts'
import { installGraphile, TUNED } from './graphile.ts'
import { comparePickUps, type PickUps } from './pick-up.ts'
import { drainRows, enqueueRows, pickUpRows } from './rows.ts'

const { rounds, count: jobs, save, words } = readOptions({ count: 200_000 })
const PARTS = ['drain', 'enqueue', 'pick-up']
const unknown = words.find((word) => !PARTS.includes(word))
if (unknown !== undefined) throw new RangeError(`${unknown} is none of ${PARTS.join(', ')}`)
const asked = (part: string): boolean => words.length === 0 || words.includes(part)

let machine: Machine | undefined
const samples: { drains?: Drains; enqueues?: EnqueueSamples; pickUps?: PickUps } = {}
process.stderr.write(`About ${Math.ceil((rounds * (jobs / 14_000 + 8)) / 60)} minutes\n`)

// Each part has a server of its own: what one leaves behind does not burden the next.
const withServer = (work: Parameters<typeof withPostgres<void>>[1]): Promise<void> =>
  withPostgres({}, async (connection, server) => {
    machine ??= describeMachine(server.version)
    await installGraphile(connection)
    await work(connection, server)
  })

if (asked('drain'))
  await withServer(async (connection, { pid }) => {
    samples.drains = await compareDrains(connection, pid, { rounds, jobs })
  })
if (asked('enqueue'))
  await withServer(async (connection, { pid }) => {
    samples.enqueues = await compareEnqueues(connection, pid, rounds)
  })
if (asked('pick-up'))
  await withServer(async (connection) => {
    samples.pickUps = await comparePickUps(connection, rounds)
  })

const { drains, enqueues, pickUps } = samples
const rows: Row[] = [
  ...(drains ? drainRows(drains) : []),
  ...(enqueues ? enqueueRows(enqueues) : []),
  ...(pickUps ? pickUpRows(pickUps) : []),
]
const how = [
  `${rounds} alternations; ${jobs.toLocaleString('en')} no-op jobs a sample, recorded before, ANALYZE after that for both`,
  `fsync and synchronous_commit on; graphile-worker 0.17.3: ${TUNED.concurrentJobs} jobs at a time, local queue of ${TUNED.localQueueSize}, completions and failures in batches without delay; pg-boss 10.4.2`,
].join('; ')
finish(
  { topic: 'Jobs', machine: machine!, rounds, how, rows, samples },
  save ? import.meta.dirname : undefined,
)
