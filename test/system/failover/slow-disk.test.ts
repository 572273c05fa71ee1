import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { within } from '../kit/deadline.ts'
import { noSlowSyncs, type SlowSyncs, slowSyncs } from '../kit/slow-syncs.ts'
import { type Commits, missing, startWriters, type Writers } from './writers.ts'

/** Milliseconds that a sync takes on a disk that is slow, and on one that hangs. */
const SLOW_MS = 200
const HANGS_MS = 60_000
const WRITERS = 4

interface Scene {
  readonly cluster: TestCluster
  readonly writers: Writers
  readonly primary: string
  readonly standby: string
}

async function working(t: TestContext, commits?: Commits): Promise<Scene> {
  const cluster = await testCluster(t)
  const { primary, synchronous } = cluster.keeper.record
  const writers = await startWriters(cluster, WRITERS, commits)
  t.after(() => writers.stop())
  await writers.progress(20)
  return { cluster, writers, primary, standby: synchronous[0]! }
}

/** From now on the syncs of a node take so long. */
const slowed = (t: TestContext, { cluster }: Scene, id: string, ms: number): Promise<SlowSyncs> =>
  slowSyncs(t, nodePlaces(cluster.options, id).dataDir, ms)

/** What is acknowledged while the primary's disk hangs, until another is primary; besides the few that had been synced before. */
async function acknowledgedMeanwhile(t: TestContext, scene: Scene): Promise<number> {
  const { cluster, writers, primary } = scene
  const { held, end } = await slowed(t, scene, primary, HANGS_MS)
  await within(held(), 'a sync that is held')
  const before = writers.acknowledged.size
  await cluster.until('another is primary', (topology) => topology.primary !== primary)
  // In the turn in which it is told: nothing has been acknowledged by another yet.
  const meanwhile = writers.acknowledged.size - before
  await end()
  return Math.max(0, meanwhile - WRITERS)
}

describe('a disk that is slow (FAULTS case 12)', { skip: noSlowSyncs() }, () => {
  test('of the primary: commits take as long, and nobody takes over', async (t) => {
    const scene = await working(t)
    const { cluster, writers, primary } = scene
    const { epoch } = cluster.keeper.record
    const { held } = await slowed(t, scene, primary, SLOW_MS)
    await within(held(), 'a sync that is held')
    await writers.progress(30)
    assert.ok(writers.longestMs() >= SLOW_MS / 2, `no write for ${writers.longestMs()} ms`)
    assert.deepEqual([cluster.keeper.record.primary, cluster.keeper.record.epoch], [primary, epoch])
    await writers.stop()
    assert.deepEqual(await missing(cluster, writers), [])
  })

  test('of the primary, which hangs: nothing is acknowledged there, another takes over and has everything', async (t) => {
    const scene = await working(t)
    const { cluster, writers } = scene
    assert.equal(await acknowledgedMeanwhile(t, scene), 0)
    await writers.progress(20)
    assert.ok(writers.longestMs() < 10_000, `no write for ${writers.longestMs()} ms`)
    await cluster.whole()
    await writers.stop()
    assert.deepEqual(await missing(cluster, writers), [])
  })

  test('of a standby, which hangs: another is waited for', async (t) => {
    const scene = await working(t)
    const { cluster, writers, standby } = scene
    const { held, end } = await slowed(t, scene, standby, HANGS_MS)
    await within(held(), 'a sync that is held')
    await writers.progress(60)
    assert.ok(writers.longestMs() < 5_000, `no write for ${writers.longestMs()} ms`)
    await end()
    await cluster.whole()
    await writers.stop()
    assert.deepEqual(await missing(cluster, writers), [])
  })

  test('planted: a primary that acknowledges before its sync is noticed', async (t) => {
    const scene = await working(t, 'before they are on the disk')
    const { cluster, writers } = scene
    assert.notEqual(await acknowledgedMeanwhile(t, scene), 0)
    await writers.stop()
    assert.notDeepEqual(await missing(cluster, writers), [])
  })
})
