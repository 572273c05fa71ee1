import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../../src/core/clock.ts'
import {
  type TestCluster,
  type TestClusterOptions,
  testCluster,
} from '../../../src/data/failover/fixtures/cluster.ts'
import type { KeeperOptions } from '../../../src/data/failover/options.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { readClusterRecord, writeClusterRecord } from '../../../src/data/failover/record.ts'
import { processesIn, signal } from '../../../src/data/postgres/process.ts'
import { loseFolder } from '../kit/cluster.ts'
import { until, within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { delayedLinks } from './links.ts'
import { copies } from './told.ts'
import { missing, startWriters, type Writers } from './writers.ts'

const NODES = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3']
const STOP_MS_MAX = 10_000

interface Scene {
  readonly cluster: TestCluster
  readonly writers: Writers
  /** Made anew so far. */
  readonly copied: string[]
  /** Repairs that have failed so far. */
  readonly failed: string[]
  /** These cannot reach the node that they are told to follow. */
  readonly cutOff: Set<string>
}

async function scene(t: TestContext, links?: TestClusterOptions['links'], replicas = 2): Promise<Scene> {
  const cutOff = new Set<string>()
  const made = copies()
  const { copied } = made
  const failed: string[] = []
  const link: KeeperOptions['link'] = ({ port, user, password, socketDir }, _, to) => ({
    port,
    user,
    password,
    socketDir: cutOff.has(to) ? '/nowhere' : socketDir,
  })
  const log = {
    ...made.log,
    warn: (about: object, message?: string) =>
      message === 'a standby could not be repaired yet' && failed.push((about as { do: string }).do),
  }
  const cluster = await testCluster(t, { replicas, link, log: log as never, ...(links && { links }) })
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  copied.length = 0
  return { cluster, writers, copied, failed, cutOff }
}

/** A standby loses its folder, and its copy cannot get what it lacks: it starts, and goes on starting. */
async function unfinished({ cluster, cutOff, copied }: Scene, id: string): Promise<void> {
  cutOff.add(id)
  loseFolder(cluster, id)
  await until('it was copied', () => copied.includes(id) || undefined)
}

async function nothingIsLost({ cluster, writers }: Scene): Promise<void> {
  await writers.progress(20)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
}

const standbysOf = ({ keeper }: TestCluster): string[] =>
  keeper.record.nodes.filter((id) => id !== keeper.record.primary)

test('a copy that is not whole yet when its primary dies is made again, from the next one', async (t) => {
  const here = await scene(t)
  const { cluster, cutOff } = here
  const [id, other] = standbysOf(cluster) as [string, string]
  await unfinished(here, id)
  await cluster.until('nothing depends on it', () => cluster.keeper.record.synchronous.join() === other)
  cutOff.clear()
  cluster.keeper.fault(cluster.keeper.record.primary, 'kill')
  await cluster.until('the other is primary', ({ primary }) => primary === other)
  await nothingIsLost(here)
})

test('a copy that is not whole yet and counted before does not hold up a failover', async (t) => {
  const links = delayedLinks(t, NODES)
  const here = await scene(t, links.make)
  const { cluster, copied } = here
  const [id] = standbysOf(cluster) as [string]
  const { primary } = cluster.keeper.record
  links.from(primary).cut()
  loseFolder(cluster, id)
  await until('it was copied', () => copied.includes(id) || undefined)
  assert.ok(cluster.keeper.record.synchronous.includes(id))
  cluster.keeper.fault(primary, 'kill')
  links.from(primary).mend()
  await nothingIsLost(here)
})

test('the keeper ends although a copy waits for what it lacks', async (t) => {
  const here = await scene(t)
  const [id] = standbysOf(here.cluster) as [string]
  await unfinished(here, id)
  await here.writers.stop()
  const begun = systemClock.monotonic()
  await within(here.cluster.keeper.stop(), 'the keeper ends', STOP_MS_MAX)
  t.diagnostic(`${Math.round(systemClock.monotonic() - begun)} ms`)
})

test('a standby whose folder is of no use is copied although it runs', async (t) => {
  const here = await scene(t)
  const { cluster, copied } = here
  const [id] = standbysOf(cluster) as [string]
  await cluster.keeper.leave()
  const { recordFile } = cluster.options
  writeClusterRecord(recordFile, { ...readClusterRecord(recordFile)!, building: [id] })
  await cluster.another().start()
  await nothingIsLost(here)
  assert.deepEqual(copied, [id])
})

test('while a copy is made its primary keeps the log that it needs, however much that is', async (t) => {
  const here = await scene(t)
  const { cluster, cutOff } = here
  const keptMb = async (): Promise<number> => {
    const client = new pg.Client(cluster.connections().get(cluster.keeper.record.primary)!)
    await client.connect()
    const { rows } = await client.query(
      `select setting::int as mb from pg_settings where name = 'max_slot_wal_keep_size'`,
    )
    await client.end()
    return rows[0].mb
  }
  assert.equal(await keptMb(), 1024)
  const [id] = standbysOf(cluster) as [string]
  await unfinished(here, id)
  const { bavail, bsize } = statfsSync(cluster.dir)
  // Nobody has room to spare on a small disk.
  if ((bavail * bsize) / 2 ** 20 > 8_192) assert.ok((await keptMb()) > 1024)
  cutOff.clear()
  // Its next copy can get what it lacks.
  for (const identity of processesIn(nodePlaces(cluster.options, id).dataDir)) signal(identity, 'SIGKILL')
  await nothingIsLost(here)
  await until('as before', async () => (await keptMb()) === 1024 || undefined)
})

test('a copy that gets nothing is made anew, and one that is not whole yet is not given up sooner', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const here = await scene(t)
  const { cluster, copied, cutOff } = here
  await cluster.keeper.leave()
  await cluster.another({ postgres: { startTimeoutMs: 3_000 } }).start()
  const [id] = standbysOf(cluster) as [string]
  cutOff.add(id)
  loseFolder(cluster, id)
  await until('it was copied', () => copied.length > 0 || undefined)
  const begun = systemClock.monotonic()
  await until('it is copied again', () => copied.length > 1 || undefined)
  assert.ok(systemClock.monotonic() - begun > 3_000)
  cutOff.clear()
  await nothingIsLost(here)
})

test('a standby that counts and cannot be started is not given up before its copy is there', async (t) => {
  const here = await scene(t, undefined, 1)
  const { cluster, writers, failed } = here
  const { primary } = cluster.keeper.record
  const [id] = standbysOf(cluster) as [string]
  const { dataDir } = nodePlaces(cluster.options, primary)
  // What no copy can be made of.
  symlinkSync('loop', join(dataDir, 'loop'))
  const conf = join(nodePlaces(cluster.options, id).dataDir, 'postgresql.auto.conf')
  const before = readFileSync(conf)
  appendFileSync(conf, 'of no use\n')
  cluster.keeper.fault(id, 'kill')
  await until('it is to be copied', () => failed.includes('build') || undefined)
  writeFileSync(conf, before)
  loseFolder(cluster, primary)
  await cluster.until('it is primary', (topology) => topology.primary === id)
  await writers.progress(20)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})

test('a standby that is being copied can be taken out', async (t) => {
  const here = await scene(t)
  const { cluster } = here
  await unfinished(here, standbysOf(cluster)[1]!)
  await within(cluster.keeper.scale(1), 'it is taken out', 20_000)
  assert.deepEqual(cluster.keeper.record.building, [])
  await nothingIsLost(here)
})
