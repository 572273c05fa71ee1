import assert from 'node:assert/strict'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { readClusterRecord, writeClusterRecord } from '../../../src/data/failover/record.ts'
import { copySize } from '../../../src/data/replication/folder-copy.ts'
import { folderSize, freeAt, NoRoomForCopy, reserveFor } from '../../../src/data/replication/room.ts'
import { until } from '../kit/deadline.ts'
import { fillUpTo, NO_SMALL_DISK, smallDisk, unfill } from '../kit/small-disk.ts'
import { copies } from './told.ts'
import { missing, startWriters, type Writers } from './writers.ts'

/** Nobody gives anything up here. */
const { signal } = new AbortController()

const skip = NO_SMALL_DISK
const MB = 2 ** 20
const SETTINGS = { max_wal_size: '32MB', min_wal_size: '32MB' }

interface Scene {
  readonly cluster: TestCluster
  readonly writers: Writers
  readonly disk: string
  /** Copies for which there was no room. */
  readonly refused: NoRoomForCopy[]
  readonly copied: string[]
  readonly standby: string
  readonly standbyDir: string
}

/** A primary and its standby on one small disk. */
async function scene(t: TestContext): Promise<Scene> {
  let cluster: TestCluster | undefined
  const disk = smallDisk(t, '400m', () => cluster?.current().stop())
  chmodSync(disk, 0o755)
  const refused: NoRoomForCopy[] = []
  const made = copies()
  const { copied } = made
  const log = {
    ...made.log,
    warn: ({ err }: { err?: unknown }) => err instanceof NoRoomForCopy && refused.push(err),
  }
  cluster = await testCluster(t, {
    replicas: 1,
    durability: 'available',
    dataDir: join(disk, 'pg', 'c0'),
    postgres: { settings: SETTINGS },
    log: log as never,
  })
  const writers = await startWriters(cluster, 2)
  t.after(() => writers.stop())
  await writers.progress(20)
  copied.length = 0
  const { primary, nodes } = cluster.keeper.record
  const standby = nodes.find((id) => id !== primary)!
  const { dataDir: standbyDir } = nodePlaces(cluster.options, standby)
  return { cluster, writers, disk, refused, copied, standby, standbyDir }
}

/** What a copy of the primary needs. */
async function needed({ keeper, options }: TestCluster): Promise<number> {
  const size = await copySize(nodePlaces(options, keeper.record.primary).dataDir, signal)
  return size + reserveFor(size)
}

async function nothingIsLost({ cluster, writers }: Scene): Promise<void> {
  await cluster.whole()
  await writers.progress(20)
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
}

/** The next keeper is to make the standby anew, with so much less room than a copy needs. */
async function nextKeeper({ cluster, disk, standby }: Scene, lacking: number): Promise<void> {
  await cluster.keeper.leave()
  const { recordFile } = cluster.options
  writeClusterRecord(recordFile, { ...readClusterRecord(recordFile)!, building: [standby] })
  fillUpTo(disk, (await needed(cluster)) - lacking)
  await cluster.another().start()
}

test('FAULTS case 12: where there is no room for a copy none is begun, and who serves goes on', {
  skip,
}, async (t) => {
  const here = await scene(t)
  const { cluster, writers, disk, refused, copied, standbyDir } = here
  await nextKeeper(here, (await folderSize(standbyDir, signal)) + 16 * MB)
  await until('a copy is refused', () => refused.length > 0 || undefined)
  const free = await freeAt(disk)
  await writers.progress(200)
  const left = await freeAt(disk)
  assert.ok(left > free - 16 * MB, `${Math.round(left / MB)} of ${Math.round(free / MB)} MB are left`)
  assert.deepEqual(copied, [])
  assert.match(refused[0]!.message, /needs \d+ MB on its disk.*; \d+ MB are free/)
  unfill(disk)
  // The next keeper does not wait for its next attempt.
  await cluster.current().leave()
  await cluster.another().start()
  await nothingIsLost(here)
})

test('a folder of no use makes room for its copy', { skip }, async (t) => {
  const here = await scene(t)
  const { copied, standby, standbyDir } = here
  const own = await folderSize(standbyDir, signal)
  assert.ok(own > 24 * MB, `${own / MB} MB`)
  await nextKeeper(here, 16 * MB)
  await nothingIsLost(here)
  assert.deepEqual(copied, [standby])
})
