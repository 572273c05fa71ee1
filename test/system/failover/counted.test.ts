import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdirSync, symlinkSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { silentLogger } from '../../../src/core/log.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { findRunning } from '../../../src/data/postgres/postmaster-file.ts'
import { until, within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { delayedLinks, type Links } from './links.ts'
import { missing, startWriters, type Writers } from './writers.ts'

const NODES = ['c0-pg-1', 'c0-pg-2']
/** So many that to count what a copy of them takes lasts for seconds. */
const FILES = 40_000

interface Scene {
  readonly cluster: TestCluster
  readonly writers: Writers
  readonly links: Links
  readonly id: string
  readonly primary: string
  /** Of the standby. */
  pid(): number | undefined
  /** Why repairs have failed. */
  readonly failed: string[]
}

/** The only standby gets nothing from a large primary, and it is counted what its copy takes. */
async function counted(t: TestContext): Promise<Scene> {
  const links = delayedLinks(t, NODES)
  const begun: string[] = []
  const failed: string[] = []
  const log = {
    ...silentLogger,
    info: (about: object) => {
      const { repair } = about as { repair?: string }
      if (repair !== undefined) begun.push(repair)
    },
    warn: (about: object, message?: string) => {
      if (message === 'a standby could not be repaired yet')
        failed.push(`${(about as { err: Error }).err.message}`)
    },
  }
  const cluster = await testCluster(t, { replicas: 1, log: log as never, links: links.make })
  const writers = await startWriters(cluster, 2)
  t.after(() => writers.stop())
  await writers.progress(20)
  begun.length = 0
  const { primary, nodes } = cluster.keeper.record
  const id = nodes.find((other) => other !== primary)!
  const many = join(nodePlaces(cluster.options, primary).dataDir, 'base', 'many')
  mkdirSync(many)
  await promisify(execFile)('sh', ['-c', `seq ${FILES} | xargs touch`], { cwd: many })
  links.from(primary).cut()
  await until('it is to be copied', () => begun.includes('build') || undefined)
  const pid = () => cluster.keeper.topology().members.find((one) => one.id === id)?.pid
  return { cluster, writers, links, id, primary, pid, failed }
}

async function nothingIsLost({ cluster, writers }: Scene): Promise<void> {
  await writers.progress(20)
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
}

test('a standby that streams again before its copy has begun is not ended for it', async (t) => {
  const here = await counted(t)
  const before = here.pid()
  here.links.from(here.primary).mend()
  await within(here.writers.progress(20), 'it acknowledges')
  assert.equal(here.pid(), before)
  await until(
    'the copy is given up',
    () => here.failed.length > 0 || here.pid() !== before || undefined,
    60_000,
  )
  assert.equal(here.pid(), before)
  await nothingIsLost(here)
})

test('a standby that has become primary before its copy has begun is not ended for it', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const here = await counted(t)
  const { cluster, id } = here
  const { dataDir } = nodePlaces(cluster.options, id)
  const before = here.pid()
  // No copy can be made of it: what is counted stays.
  const loop = join(dataDir, 'loop')
  symlinkSync('loop', loop)
  cluster.keeper.fault(here.primary, 'kill')
  here.links.from(here.primary).mend()
  await cluster.until('it is primary', ({ primary }) => primary === id)
  // When all that was begun has come to its end.
  await cluster.keeper.leave()
  assert.equal(findRunning(dataDir).postmaster?.pid, before)
  unlinkSync(loop)
  await cluster.another().start()
  await nothingIsLost(here)
})
