import assert from 'node:assert/strict'
import { watch, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import pg from 'pg'
import { silentLogger } from '../../../src/core/log.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import type { KeeperOptions } from '../../../src/data/failover/options.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { readClusterRecord } from '../../../src/data/failover/record.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { isAlive, processesIn, signal } from '../../../src/data/postgres/process.ts'
import { loseFolder } from '../kit/cluster.ts'
import { until } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { delayedLinks, type Links } from './links.ts'
import { copies, telling } from './told.ts'
import { missing, startWriters, type Writers } from './writers.ts'

const NODES = ['c0-pg-1', 'c0-pg-2', 'c0-pg-3']
const WRITERS = 4

// E.g. of `pg`, when two statements share a session at once: a user would find them in the terminal.
const warnings: Error[] = []
process.on('warning', (warning) => warning.name === 'DeprecationWarning' && warnings.push(warning))
after(() => assert.deepEqual(warnings, []))

interface Scene {
  readonly cluster: TestCluster
  readonly links: Links
  readonly writers: Writers
}

async function scene(t: TestContext, options: Partial<KeeperOptions> = {}): Promise<Scene> {
  const links = delayedLinks(t, NODES)
  const cluster = await testCluster(t, { ...options, links: links.make })
  const writers = await startWriters(cluster, WRITERS)
  t.after(() => writers.stop())
  await writers.progress(50)
  return { cluster, links, writers }
}

/** Breaks something, waits until another node is primary and writers write, and everybody counts again. */
async function failover({ cluster, writers }: Scene, fault: (primary: string) => void): Promise<void> {
  const { epoch, primary } = cluster.current().record
  const replaced = cluster.until('another is primary', (topology) => topology.epoch > epoch)
  fault(primary)
  await replaced
  await writers.progress(20)
  await cluster.whole()
}

async function nothingIsLost({ cluster, writers }: Scene): Promise<void> {
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
}

test('FAULTS case 2: SIGSTOP of the whole primary: it is ended, wakes to nothing, and another serves', async (t) => {
  const here = await scene(t)
  const { cluster } = here
  const stopped = cluster.keeper.topology().members.find(({ role }) => role === 'primary')!
  const { dataDir } = nodePlaces(cluster.options, stopped.id)
  const before = processesIn(dataDir)
  assert.ok(before.length > 1)
  const { epoch } = cluster.keeper.record
  const replaced = cluster.until('another is primary', (topology) => topology.epoch > epoch)
  cluster.keeper.fault(stopped.id, 'pause')
  await replaced
  // One on its way out has closed its files and left its folder, and keeps its id for a moment; any other could wake.
  const there = processesIn(dataDir).map(({ pid, started }) => `${pid} ${started}`)
  for (const identity of before) {
    const { pid, started } = identity
    assert.ok(!there.includes(`${pid} ${started}`), 'a process of the old primary lives')
    signal(identity, 'SIGCONT')
  }
  await until('the end of what was on its way out', () => (before.some(isAlive) ? undefined : true))
  await here.writers.progress(20)
  await cluster.whole()
  await nothingIsLost(here)
})

test('FAULTS case 3: SIGSTOP of the postmaster only: fresh connections find out', async (t) => {
  const here = await scene(t)
  await failover(here, (primary) => {
    const { pid } = here.cluster.keeper.topology().members.find(({ id }) => id === primary)!
    process.kill(pid!, 'SIGSTOP')
  })
  await nothingIsLost(here)
})

test('FAULTS case 8: primary and a standby vanish at once: nobody is promoted before the standby was asked', async (t) => {
  const here = await scene(t)
  const { cluster, links } = here
  await failover(here, (primary) => {
    const standby = NODES.find((id) => id !== primary)!
    links.from(primary).cut()
    cluster.keeper.fault(standby, 'pause')
    cluster.keeper.fault(primary, 'kill')
    links.from(primary).mend()
  })
  await nothingIsLost(here)
})

test('FAULTS case 8: the disk of a standby that counts is lost with the primary: the primary comes back, with everything', async (t) => {
  const here = await scene(t)
  const { cluster, writers } = here
  const { primary } = cluster.keeper.record
  const standby = NODES.find((id) => id !== primary)!
  loseFolder(cluster, standby)
  cluster.keeper.fault(primary, 'kill')
  await writers.progress(20)
  await cluster.whole()
  assert.equal(cluster.keeper.record.primary, primary)
  await nothingIsLost(here)
})

test('FAULTS case 9: the new primary dies too, before it is whole again: one history', async (t) => {
  const here = await scene(t)
  const { cluster, links, writers } = here
  for (let round = 0; round < 2; round++) {
    const { epoch, primary } = cluster.keeper.record
    links.from(primary).cut()
    cluster.keeper.fault(primary, 'kill')
    links.from(primary).mend()
    const { primary: second } = await cluster.until(
      'another is primary',
      (topology) => topology.epoch > epoch,
    )
    cluster.keeper.fault(second, 'kill')
    await writers.progress(20)
    await cluster.whole()
  }
  await nothingIsLost(here)
})

test('a standby that is killed while it is promoted', async (t) => {
  let killed = 0
  const node: { kill?: (id: string) => void } = {}
  const log = {
    ...silentLogger,
    info: (about: object, message?: string) => {
      if (message !== 'promoting a standby' || killed++ > 1) return
      node.kill?.((about as { node: string }).node)
    },
  }
  const here = await scene(t, { log })
  node.kill = (id) => here.cluster.keeper.fault(id, 'kill')
  here.cluster.keeper.fault(here.cluster.keeper.record.primary, 'kill')
  await here.writers.progress(20)
  await here.cluster.whole()
  assert.ok(killed > 0)
  await nothingIsLost(here)
})

test('all nodes are killed at once: the primary comes back where it was', async (t) => {
  const here = await scene(t)
  const { keeper } = here.cluster
  for (const id of NODES) keeper.fault(id, 'kill')
  await here.writers.progress(20)
  await here.cluster.whole()
  await nothingIsLost(here)
})

test('both standbys are stopped, then killed: commits wait, and go on when one has been started', async (t) => {
  const here = await scene(t)
  const { keeper } = here.cluster
  const { primary, epoch } = keeper.record
  const client = new pg.Client(here.cluster.connections().get(primary)!)
  client.on('error', () => {}) // it ends with its server
  await client.connect()
  const standbys = NODES.filter((id) => id !== primary)
  for (const id of standbys) keeper.fault(id, 'pause')
  // Longer than the last word of a standby is on its way.
  const waiting = `select from pg_stat_activity
    where wait_event = 'SyncRep' and query ~ 'insert into kept' and clock_timestamp() - xact_start > '300 ms'`
  await until(
    'every commit waits',
    async () => (await client.query(waiting)).rowCount === WRITERS || undefined,
  )
  await client.end()
  for (const id of standbys) keeper.fault(id, 'kill')
  await here.writers.progress(20)
  await here.cluster.whole()
  assert.equal(keeper.record.epoch, epoch)
  await nothingIsLost(here)
})

test('a planned switchover loses nothing, and the old primary follows without being copied', async (t) => {
  const { log, copied } = copies()
  const here = await scene(t, { log })
  copied.length = 0
  for (let round = 0; round < (LONG ? 3 : 2); round++) {
    const { primary } = here.cluster.keeper.record
    await here.cluster.keeper.restart(primary)
    assert.notEqual(here.cluster.keeper.record.primary, primary)
    const old = here.cluster.keeper.topology().members.find(({ id }) => id === primary)!
    assert.equal(old.view.process, 'running', 'it has been restarted when the call resolves')
    await here.writers.progress(20)
    await here.cluster.whole()
  }
  assert.deepEqual(copied, [])
  await nothingIsLost(here)
})

test('an old primary whose last record nobody has received is copied, and does not wait for a way back', async (t) => {
  const { log, copied } = copies()
  const links = delayedLinks(t, NODES)
  // Nobody writes: the record of the shutdown is all that the old one has before the others.
  const cluster = await testCluster(t, { log, links: links.make })
  copied.length = 0
  const { keeper, options } = cluster
  const { primary } = keeper.record
  // The successor is written down right before the shutdown begins.
  const watcher = watch(dirname(options.recordFile), () => {
    if (readClusterRecord(options.recordFile)?.promoting) links.from(primary).cut()
  })
  t.after(() => watcher.close())
  const { epoch } = keeper.record
  const restarted = keeper.restart(primary)
  const { members } = await cluster.until('another is primary', (topology) => topology.epoch > epoch)
  assert.equal(members.find(({ id }) => id === primary)?.building, true)
  await cluster.whole()
  await restarted
  assert.deepEqual(copied, [primary])
})

test('a switchover waits for a standby that was lost a moment before', async (t) => {
  const here = await scene(t)
  const { keeper } = here.cluster
  // Either may be the one that was to take over.
  for (let round = 0; round < (LONG ? 4 : 2); round++) {
    const { primary } = keeper.record
    const replicas = keeper.topology().members.filter(({ role }) => role === 'replica')
    keeper.fault(replicas[round % 2]!.id, 'kill')
    await keeper.restart(primary)
    assert.notEqual(keeper.record.primary, primary)
    await here.writers.progress(20)
    await here.cluster.whole()
  }
  await nothingIsLost(here)
})

test('nobody waits for the pause of a standby that its new primary has refused at first', async (t) => {
  let refusals = 0
  const way: { of?: Links['from'] } = {}
  const log = telling('promoting a standby', (node) => {
    const link = way.of?.(node)
    if (!link) return
    link.cut()
    void link.refused().then(() => {
      refusals++
      link.mend()
    })
  })
  const here = await scene(t, { log })
  const { keeper } = here.cluster
  way.of = here.links.from
  for (const { address } of keeper.topology().members) {
    const client = new pg.Client(connectionTo(address!, 'postgres'))
    await client.connect()
    await client.query("alter system set wal_retrieve_retry_interval = '30s'")
    await client.query('select pg_reload_conf()')
    await client.end()
  }
  await keeper.restart(keeper.record.primary)
  await here.writers.progress(20)
  await here.cluster.whole()
  await failover(here, (primary) => keeper.fault(primary, 'kill'))
  assert.equal(refusals, 2)
  // Left to its pause, the old primary would have to stand in for it, which is started after 2 s.
  assert.ok(here.writers.longestMs() < 2_000, `no write for ${here.writers.longestMs()} ms`)
  await nothingIsLost(here)
})

test('a standby that has gone its own way is made anew', async (t) => {
  const { log, copied } = copies()
  const here = await scene(t, { log })
  const { cluster } = here
  const { primary } = cluster.keeper.record
  const stray = NODES.find((id) => id !== primary)!
  const address = cluster.connections().get(stray)!
  // Nobody keeps the cluster meanwhile.
  await cluster.keeper.leave()
  const client = new pg.Client(address)
  await client.connect()
  await client.query("alter system set synchronous_standby_names = ''")
  await client.query('select pg_reload_conf()')
  await client.query('select pg_promote()')
  await client.query('create table gone_astray ()')
  await client.query('alter system reset all')
  await client.end()
  copied.length = 0
  const { dataDir } = nodePlaces(cluster.options, stray)
  for (const identity of processesIn(dataDir)) signal(identity, 'SIGKILL')
  writeFileSync(join(dataDir, 'standby.signal'), '')
  await cluster.another({ log }).start()
  const startedAt = performance.now()
  await until('it is made anew', () => copied[0])
  // Five seconds without anything that it can use, and the copy.
  assert.ok(performance.now() - startedAt < 15_000)
  await cluster.whole()
  assert.deepEqual(copied, [stray])
  await nothingIsLost(here)
})

test('another keeper takes over what the first one left, in mid-failover too', async (t) => {
  const here = await scene(t)
  const { cluster, writers } = here
  for (const when of ['before', 'while']) {
    const keeper = cluster.current()
    const { primary, epoch } = keeper.record
    const { pid } = keeper.topology().members.find(({ id }) => id === primary)!
    if (when === 'before') await keeper.leave()
    process.kill(pid!, 'SIGKILL')
    if (when === 'while') await keeper.leave()
    const next = cluster.another()
    await next.start()
    assert.ok(next.record.epoch > epoch)
    await writers.progress(20)
    await cluster.whole()
  }
  await nothingIsLost(here)
})

test('what a standby said while it received nothing does not decide once it has received more', async (t) => {
  const cluster = await testCluster(t)
  const { keeper } = cluster
  const { primary } = keeper.record
  const [first, second] = NODES.filter((id) => id !== primary) as [string, string]
  const sessions = new Map<string, pg.Client>()
  for (const [id, connection] of cluster.connections()) {
    const client = new pg.Client(connection)
    client.on('error', () => {})
    await client.connect()
    t.after(() => client.end().catch(() => {}))
    sessions.set(id, client)
  }
  const on = (id: string, text: string) => sessions.get(id)!.query(text)
  const receives = async (id: string, does: boolean): Promise<void> => {
    await on(id, `alter system ${does ? 'reset primary_conninfo' : `set primary_conninfo = ''`}`)
    await on(id, 'select pg_reload_conf()')
  }
  const isSeen = (id: string) =>
    until(
      `${id} is seen to receive nothing`,
      () =>
        keeper.topology().members.some((one) => one.id === id && one.view.receiving === false) || undefined,
    )
  await on(primary, 'create table notes (id int primary key)')
  await receives(first, false)
  await isSeen(first)
  await on(primary, 'insert into notes select generate_series(1, 20)')
  // Whoever asks the first from here on hears nothing.
  const { rows: looks } = await on(
    first,
    `select pid from pg_stat_activity where query like '%pg_stat_wal_receiver%' and pid <> pg_backend_pid()`,
  )
  for (const { pid } of looks) process.kill(pid, 'SIGSTOP')
  await receives(first, true)
  await until('the first has everything', async () => {
    const state = `select from pg_stat_replication where application_name = '${first}' and flush_lsn = pg_current_wal_flush_lsn()`
    return (await on(primary, state)).rowCount || undefined
  })
  await receives(second, false)
  await until('the second gets nothing any more', async () => {
    const sender = `select from pg_stat_replication where application_name = '${second}'`
    return (await on(primary, sender)).rowCount === 0 || undefined
  })
  await on(primary, 'insert into notes values (100)')
  const replaced = cluster.until('another is primary', ({ epoch }) => epoch > 1)
  keeper.fault(primary, 'kill')
  const { primary: now } = await replaced
  assert.equal(now, first)
  const client = new pg.Client(cluster.connections().get(now)!)
  await client.connect()
  const { rowCount } = await client.query('select from notes where id = 100')
  await client.end()
  assert.equal(rowCount, 1)
})
