import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type Logger, silentLogger } from '../../../src/core/log.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { isAlive, type ProcessIdentity, processesIn, signal } from '../../../src/data/postgres/process.ts'
import { until, within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { stopAll, takesConnections } from '../kit/stopped.ts'
import { missing, startWriters } from './writers.ts'

/** One silence (6 s), what was begun before, and a machine that may be busy. A start that takes long is given 300 s. */
const SERVES_MS = 30_000
/** Starts that are silent, in a row, before others no longer wait for a node. */
const STARTS = 3

const dirOf = ({ options }: TestCluster, id: string): string => nodePlaces(options, id).dataDir

/** Stops every process of a node that has ended, once it starts. */
async function stopStarting(t: TestContext, dataDir: string): Promise<ProcessIdentity[]> {
  const starts = (): ProcessIdentity[] | undefined =>
    takesConnections(dataDir) ? stopAll(dataDir) : undefined
  const stopped = await until(`${dataDir} starts`, starts, SERVES_MS, 0)
  t.after(() => {
    for (const identity of stopped) signal(identity, 'SIGCONT')
  })
  return stopped
}

/** By their identities: others may be there a moment later. */
const gone = (processes: readonly ProcessIdentity[]): Promise<true> =>
  until('their end', () => !processes.some(isAlive) || undefined, SERVES_MS, 0)

async function kill(dataDir: string): Promise<void> {
  const processes = processesIn(dataDir)
  for (const identity of processes) signal(identity, 'SIGKILL')
  await gone(processes)
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
  const dir = dirOf(cluster, standby)
  await kill(dir)
  await stopStarting(t, dir)
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

test('all have ended, and the primary is stopped at each start: another serves', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const { log, failures } = telling()
  const cluster = await testCluster(t, { log })
  const { primary, nodes } = cluster.keeper.record
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  await cluster.keeper.leave()
  for (const id of nodes) await kill(dirOf(cluster, id))
  const keeper = cluster.another()
  const started = keeper.start()
  started.catch(() => {})
  const dir = dirOf(cluster, primary)
  for (let times = 1; times <= STARTS; times++) await gone(await stopStarting(t, dir))
  await within(started, 'a primary', SERVES_MS)
  assert.notEqual(keeper.record.primary, primary)
  assert.deepEqual(failures, Array(STARTS).fill('TENFOLD_POSTGRES_SILENT'))
  await within(writers.progress(20), 'commits', SERVES_MS)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
