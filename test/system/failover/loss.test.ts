import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { delayedLinks, type Links, losePrimary } from './links.ts'
import { type Commits, missing, startWriters, type Writers } from './writers.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'
const ROUNDS = LONG ? 20 : 2
const NODES = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3']

interface Scene {
  readonly cluster: TestCluster
  readonly links: Links
  readonly writers: Writers
}

async function scene(t: TestContext, commits: Commits = 'synchronous'): Promise<Scene> {
  const links = delayedLinks(t, NODES)
  const cluster = await testCluster(t, { links: links.make })
  const writers = await startWriters(cluster, 4, commits)
  t.after(() => writers.stop())
  return { cluster, links, writers }
}

/** With work before, and after. */
async function killPrimary({ cluster, links, writers }: Scene): Promise<void> {
  await writers.progress(50)
  await losePrimary(cluster, links)
  await writers.progress(20)
}

test('FAULTS case 1: SIGKILL of the primary, again and again: nothing that was acknowledged is lost', async (t) => {
  const here = await scene(t)
  for (let round = 0; round < ROUNDS; round++) {
    await killPrimary(here)
    await here.cluster.whole()
  }
  await here.writers.stop()
  assert.deepEqual(await missing(here.cluster, here.writers), [])
})

test('the same with commits that wait for no standby loses rows: the test can fail', async (t) => {
  const here = await scene(t, 'asynchronous')
  let lost: number[] = []
  for (let round = 0; round < 5 && lost.length === 0; round++) {
    await killPrimary(here)
    await here.cluster.whole()
    lost = await missing(here.cluster, here.writers)
  }
  assert.notDeepEqual(lost, [])
})
