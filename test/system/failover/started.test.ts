import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Logger, silentLogger } from '../../../src/core/log.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { readPostmasterFile } from '../../../src/data/postgres/postmaster-file.ts'
import { processesIn, signal } from '../../../src/data/postgres/process.ts'
import { until, within } from '../kit/deadline.ts'
import { missing, startWriters } from './writers.ts'

/** One silence (6 s), what was begun before, and a machine that may be busy. A start that takes long is given 300 s. */
const SERVES_MS = 30_000

/** Stops every process of a node that starts, once; none when it `isOver` before. */
async function stopStarting(
  t: TestContext,
  { options }: TestCluster,
  id: string,
  isOver = (): boolean => false,
): Promise<void> {
  const { dataDir } = nodePlaces(options, id)
  const before = readPostmasterFile(dataDir)?.pid
  const stopped = await until(
    `${id} starts`,
    () => {
      if (isOver()) return []
      const file = readPostmasterFile(dataDir)
      if (file?.status !== 'starting' || file.pid === before) return undefined
      const here = processesIn(dataDir)
      for (const identity of here) signal(identity, 'SIGSTOP')
      return here
    },
    SERVES_MS,
    0,
  )
  t.after(() => {
    for (const identity of stopped) signal(identity, 'SIGCONT')
  })
}

/** The codes of the errors by which starts have failed. */
function telling(): { readonly log: Logger; readonly failures: string[] } {
  const failures: string[] = []
  const warn = (about: object, message?: string): void => {
    if (message === 'a PostgreSQL cannot be started')
      failures.push((about as { err: { code: string } }).err.code)
  }
  return { log: { ...silentLogger, warn } as never, failures }
}

test('a standby that counts is stopped while it starts, and the primary is lost: another serves soon', async (t) => {
  const { log, failures } = telling()
  const cluster = await testCluster(t, { log })
  const { keeper } = cluster
  const { primary, synchronous } = keeper.record
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  const [standby] = synchronous as [string, ...string[]]
  const stops = stopStarting(t, cluster, standby)
  keeper.fault(standby, 'kill')
  await stops
  assert.ok(keeper.record.synchronous.includes(standby), 'it has to be asked')
  const another = cluster.until('another primary', (topology) => topology.primary !== primary)
  keeper.fault(primary, 'kill')
  await within(another, 'another primary', SERVES_MS)
  assert.deepEqual(failures, ['TENFOLD_POSTGRES_SILENT'])
  await within(writers.progress(20), 'commits', SERVES_MS)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})

test('all have ended, and the primary is stopped at each start: another serves', async (t) => {
  const { log, failures } = telling()
  const cluster = await testCluster(t, { log })
  const { keeper } = cluster
  const { primary } = keeper.record
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  const isReplaced = (): boolean => keeper.record.primary !== primary
  const stops = async (): Promise<void> => {
    while (!isReplaced()) await stopStarting(t, cluster, primary, isReplaced)
  }
  const stopped = within(stops(), 'another primary', 3 * SERVES_MS)
  for (const id of keeper.record.nodes) keeper.fault(id, 'kill')
  await stopped
  assert.deepEqual(failures.slice(0, 3), Array(3).fill('TENFOLD_POSTGRES_SILENT'))
  await within(writers.progress(20), 'commits', SERVES_MS)
})
