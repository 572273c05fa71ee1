import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { type Logger, silentLogger } from '../../../src/core/log.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { signal } from '../../../src/data/postgres/process.ts'
import { until, within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { partOf } from './parts.ts'
import { missing, startWriters, type Writers } from './writers.ts'

/** One proof that a standby hangs (4 s), its start, and a machine that may be busy. */
const SERVES_MS = 15_000

/** What may hang in a standby while its sessions answer, by the title that PostgreSQL gives the process. */
const PARTS: Readonly<Record<string, RegExp>> = {
  postmaster: /postgres -D/,
  receiver: /walreceiver/,
  'startup process': /startup/,
}

/** Tells of each promotion that is begun, and of each step that failed. */
interface Told {
  promotes(node: string): void
  failed(): void
}

function telling(): { readonly log: Logger; readonly told: Told } {
  const told: Told = { promotes: () => {}, failed: () => {} }
  const log: Logger = {
    ...silentLogger,
    info: (about: object, message?: string) => {
      if (message === 'promoting a standby') told.promotes((about as { node: string }).node)
    },
    error: (_: object, message?: string) => {
      if (message === 'a step of a cluster failed; it is taken again') told.failed()
    },
  }
  return { log, told }
}

interface Scene {
  readonly cluster: TestCluster
  readonly writers: Writers
  readonly told: Told
  /** Of those that have the same, the first that counts becomes primary. */
  readonly chosen: string
  readonly others: readonly string[]
  stop(id: string, part: string): void
}

async function scene(t: TestContext, replicas: number): Promise<Scene> {
  const { log, told } = telling()
  const cluster = await testCluster(t, { replicas, log })
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  const [chosen, ...others] = cluster.keeper.record.synchronous as [string, ...string[]]
  const stop = (id: string, part: string): void => {
    const hung = partOf(cluster, id, PARTS[part]!)!
    signal(hung, 'SIGSTOP')
    // By its identity: one that was ended is not met.
    t.after(() => signal(hung, 'SIGCONT'))
  }
  return { cluster, writers, told, chosen, others, stop }
}

/** Kills the primary. Another serves soon, nobody is taken for one that hangs because nobody has asked, and all is whole again. */
async function replaced({ cluster, writers, told, others }: Scene): Promise<void> {
  const { keeper } = cluster
  const { primary } = keeper.record
  const slandered: string[] = []
  told.failed = () => {
    for (const { id, view } of keeper.topology().members)
      if (others.includes(id) && view.process === 'hung') slandered.push(id)
  }
  const another = cluster.until('another primary', (topology) => topology.primary !== primary)
  keeper.fault(primary, 'kill')
  await within(another, 'another primary', SERVES_MS)
  assert.deepEqual(slandered, [])
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
}

/** With one standby the postmaster in the short form, with two the others: without a receiver the only one cannot be chosen. */
const replicasFor = (part: string): number[] => {
  if (part === 'receiver') return [2]
  if (LONG) return [1, 2]
  return part === 'postmaster' ? [1] : [2]
}

for (const part of Object.keys(PARTS))
  for (const replicas of replicasFor(part))
    test(`the ${part} of the standby that is chosen, of ${replicas}, hangs: another is primary soon`, async (t) => {
      const here = await scene(t, replicas)
      here.stop(here.chosen, part)
      // So that all have the same. Without a receiver it has less.
      if (part !== 'receiver') await here.writers.stop()
      await replaced(here)
    })

test('the receiver of the only standby hangs: the primary comes back where it was', async (t) => {
  const here = await scene(t, 1)
  const { cluster, writers, chosen } = here
  const { primary } = cluster.keeper.record
  here.stop(chosen, 'receiver')
  const pidOf = () => cluster.keeper.topology().members.find(({ id }) => id === primary)?.pid
  const before = pidOf()
  cluster.keeper.fault(primary, 'kill')
  await until('it runs again', () => (pidOf() === before ? undefined : pidOf()), SERVES_MS)
  await within(writers.progress(20), 'commits', SERVES_MS)
  await cluster.whole()
  assert.equal(cluster.keeper.record.primary, primary)
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})

test('the receiver of a standby that does not count hangs: another is primary soon', async (t) => {
  const here = await scene(t, 2)
  const { cluster, chosen } = here
  here.stop(chosen, 'receiver')
  const client = new pg.Client(cluster.connections().get(cluster.keeper.record.primary))
  await client.connect()
  // Its goodbye may wait for room in a socket that nobody reads, until it is told once more.
  const terminate = 'select pg_terminate_backend(pid) from pg_stat_replication where application_name = $1'
  await until('its sender is gone', async () => {
    const { rowCount } = await client.query(terminate, [chosen])
    return rowCount === 0 || undefined
  })
  await client.end()
  await cluster.until('it does not count', ({ members }) =>
    members.some(({ id, synchronous }) => id === chosen && !synchronous),
  )
  await replaced(here)
})

test('the startup process of one standby hangs at each of its promotions: another is primary soon', async (t) => {
  const here = await scene(t, 2)
  await here.writers.stop()
  here.told.promotes = (node) => {
    if (node === here.chosen) here.stop(node, 'startup process')
  }
  await replaced(here)
  assert.ok(here.others.includes(here.cluster.keeper.record.primary))
})
