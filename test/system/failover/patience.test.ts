import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { signal } from '../../../src/data/postgres/process.ts'
import { loseFolder } from '../kit/cluster.ts'
import { until } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { delayedLinks, type Links } from './links.ts'
import { partOf } from './parts.ts'
import { copies } from './told.ts'
import { missing, startWriters, type Writers } from './writers.ts'

const NODES = ['c0-pg-1', 'c0-pg-2']
/** Milliseconds for which a copy may stand still here. */
const STILL_MS = 10_000
/** Milliseconds that the way to a primary takes: a copy that has reached it is not whole for a while. */
const WAY_MS = 50

interface Scene {
  readonly cluster: TestCluster
  readonly writers: Writers
  readonly copied: string[]
  readonly id: string
  readonly primary: string
  readonly links: Links
}

/** The only standby was copied, and cannot reach its primary yet. */
async function unfinished(t: TestContext): Promise<Scene> {
  const links = delayedLinks(t, NODES, WAY_MS)
  const { log, copied } = copies()
  const cluster = await testCluster(t, {
    replicas: 1,
    log,
    links: links.make,
    postgres: { startTimeoutMs: STILL_MS },
  })
  const writers = await startWriters(cluster, 2)
  t.after(() => writers.stop())
  await writers.progress(20)
  copied.length = 0
  const { primary, nodes } = cluster.keeper.record
  const id = nodes.find((other) => other !== primary)!
  links.from(primary).cut()
  loseFolder(cluster, id)
  await until('it was copied', () => copied.length > 0 || undefined)
  return { cluster, writers, copied, id, primary, links }
}

/** Statements on the primary, whose commits wait for nobody. */
async function onPrimary({ cluster, primary }: Scene, ...statements: string[]): Promise<void> {
  const client = new pg.Client(cluster.connections().get(primary))
  await client.connect()
  await client.query('set synchronous_commit = local')
  for (const statement of statements) await client.query(statement)
  await client.end()
}

async function madeAnew({ cluster, writers, copied }: Scene): Promise<void> {
  await until('it is copied again', () => copied.length > 1 || undefined)
  await cluster.whole()
  await writers.progress(20)
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
}

test('a copy for which the log is gone, and which asks for it again and again, is made anew', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const here = await unfinished(t)
  const more = Array.from({ length: 6 }, () => [
    `select pg_logical_emit_message(true, 'tenfold', repeat('x', 1000))`,
    'select pg_switch_wal()',
  ])
  await onPrimary(
    here,
    `alter system set max_slot_wal_keep_size = '4MB'`,
    `alter system set wal_keep_size = 0`,
    'select pg_reload_conf()',
    ...more.flat(),
    'checkpoint',
    'alter system reset all',
    'select pg_reload_conf()',
  )
  here.links.from(here.primary).mend()
  await madeAnew(here)
})

test('a copy that receives and replays nothing is made anew', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const here = await unfinished(t)
  const way = here.links.from(here.primary)
  // Its receiver is there, and gets nothing until nobody replays it.
  way.hold()
  way.mend()
  await until('it asks for what it lacks', () => partOf(here.cluster, here.id, /walreceiver/))
  const startup = await until('who replays', () => partOf(here.cluster, here.id, /startup/))
  signal(startup, 'SIGSTOP')
  t.after(() => signal(startup, 'SIGCONT'))
  way.release()
  await until('it receives', () => partOf(here.cluster, here.id, /walreceiver streaming/))
  const { members } = here.cluster.keeper.topology()
  assert.ok(
    members.some(({ id, view }) => id === here.id && view.process === 'missing'),
    'it is not whole',
  )
  await madeAnew(here)
})
