import assert from 'node:assert/strict'
import { readFileSync, renameSync, symlinkSync, unlinkSync, watch } from 'node:fs'
import { dirname } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import {
  primaryOf,
  type TestCluster,
  type TestClusterOptions,
  testCluster,
} from '../../../src/data/failover/fixtures/cluster.ts'
import type { ClusterKeeper } from '../../../src/data/failover/keeper.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { readClusterRecord, writeClusterRecord } from '../../../src/data/failover/record.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { isAlive, processesIn, signal } from '../../../src/data/postgres/process.ts'
import { until, within } from '../kit/deadline.ts'
import { delayedLinks } from './links.ts'
import { startWriters } from './writers.ts'

/** A second fault, or a start with other wishes, right where the first one left things. */
async function scene(t: TestContext, options: TestClusterOptions = {}) {
  const cluster = await testCluster(t, options)
  const connect = async (keeper: ClusterKeeper): Promise<pg.Client> => {
    const client = new pg.Client(connectionTo(primaryOf(keeper.topology()), 'postgres'))
    client.on('error', () => {})
    await client.connect()
    t.after(() => client.end().catch(() => {}))
    return client
  }
  const client = await connect(cluster.keeper)
  await client.query('create table notes (id int)')
  return { cluster, keeper: cluster.keeper, client, connect, primary: cluster.keeper.record.primary }
}

const folderOf = ({ options }: TestCluster, id: string): string => nodePlaces(options, id).dataDir
const notesOf = async (client: pg.Client): Promise<number[]> =>
  (await client.query('select id from notes order by id')).rows.map(({ id }) => id)

test('a start with no replicas decides first who is primary: the record was not written when the last one was promoted', async (t) => {
  const { cluster, keeper, connect, primary } = await scene(t)
  const before = keeper.record
  keeper.fault(primary, 'kill')
  const topology = await cluster.until('another is primary', ({ epoch }) => epoch > before.epoch)
  const now = await connect(keeper)
  await now.query('insert into notes values (2)')
  await now.end()
  await keeper.leave()
  const promoting = {
    id: topology.primary,
    named: before.named.filter((id) => id !== topology.primary),
    rebuild: [],
  }
  writeClusterRecord(cluster.options.recordFile, { ...before, promoting })
  const next = cluster.another({ replicas: 0 })
  await next.start()
  assert.deepEqual(await notesOf(await connect(next)), [2])
  assert.deepEqual(next.record.nodes, [topology.primary])
})

test('a standby counts only when the sessions of a primary that was alone wait for it, whoever names it', async (t) => {
  const links = delayedLinks(t, ['c0-pg-1', 'c0-pg-2'])
  const { cluster, keeper, client, primary } = await scene(t, {
    replicas: 1,
    durability: 'available',
    links: links.make,
  })
  const standby = keeper.record.nodes.find((id) => id !== primary) as string
  keeper.fault(standby, 'pause')
  await client.query('insert into notes values (1)')
  await cluster.until('it is alone', ({ alone }) => alone)
  await keeper.leave()
  // As in a long checkpoint, it reads no settings: sessions go on as they were.
  const checkpointer = processesIn(folderOf(cluster, primary)).find(({ pid }) =>
    readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('checkpointer'),
  )!
  signal(checkpointer, 'SIGSTOP')
  keeper.fault(standby, 'resume')
  const next = cluster.another({ durability: 'strict' })
  const starting = next.start()
  const { named } = await until('it is named', () => (next.record.named.length > 0 ? next.record : undefined))
  assert.deepEqual(named, [standby])
  // Looks go on, and it has all that there is; still nobody may rely on it.
  const wal = await client.query('select pg_current_wal_flush_lsn()::text as lsn')
  await until('it has all', async () => {
    const { rows } = await client.query('select from pg_stat_replication where flush_lsn >= $1', [
      wal.rows[0].lsn,
    ])
    return rows.length > 0 || undefined
  })
  assert.deepEqual(next.record.synchronous, [])
  signal(checkpointer, 'SIGCONT')
  await starting
  await cluster.until('it counts', ({ members }) =>
    members.every(({ role, synchronous }) => role === 'primary' || synchronous),
  )
})

for (const which of ['primary', 'standby'])
  test(`the folder of a ${which} that cannot be read any more is a lost one, and nothing else stops for it`, async (t) => {
    const { cluster, keeper, primary } = await scene(t)
    const { synchronous, epoch } = keeper.record
    const victim = which === 'primary' ? primary : (synchronous[0] as string)
    const dir = folderOf(cluster, victim)
    const { pid } = keeper.topology().members.find(({ id }) => id === victim)!
    renameSync(dir, `${dir}.away`)
    symlinkSync(dir, dir)
    try {
      process.kill(pid!, 'SIGKILL')
      if (which === 'standby') {
        await cluster.until('it is lost', ({ members }) =>
          members.some(({ id, view }) => id === victim && view.process === 'missing'),
        )
        await until('nothing depends on it', () => !keeper.record.synchronous.includes(victim) || undefined)
        keeper.fault(primary, 'kill')
      }
      await cluster.until('another is primary', (topology) => topology.epoch > epoch)
    } finally {
      unlinkSync(dir)
      renameSync(`${dir}.away`, dir)
    }
  })

test('sessions of a primary whose postmaster was killed are ended before another serves', async (t) => {
  const { cluster, keeper, client, primary } = await scene(t)
  const dir = folderOf(cluster, primary)
  const { pid } = keeper.topology().members.find(({ id }) => id === primary)!
  await keeper.leave()
  // As a keeper leaves it that is killed while it ends one that hangs.
  const all = processesIn(dir)
  for (const one of all) signal(one, 'SIGSTOP')
  const answer = client.query('select count(*) from notes').then(
    () => 'answered',
    () => 'lost',
  )
  process.kill(pid!, 'SIGKILL')
  const next = cluster.another()
  const left = new Promise<number[]>((resolve) => {
    next.onChange(({ primary: now }) => {
      if (now !== primary) resolve(all.flatMap((one) => (isAlive(one) ? [one.pid] : [])))
    })
  })
  await next.start()
  assert.deepEqual(await left, [])
  for (const one of all) signal(one, 'SIGCONT')
  assert.equal(await within(answer, 'its end'), 'lost')
})

test('a primary that stops when a switchover begins costs no more than at any other time', async (t) => {
  const { cluster, keeper, primary } = await scene(t)
  const { recordFile } = cluster.options
  const writers = await startWriters(cluster, 2)
  t.after(() => writers.stop())
  await writers.progress(20)
  let stopped = false
  const watcher = watch(dirname(recordFile), () => {
    if (stopped || !readClusterRecord(recordFile)?.promoting) return
    stopped = true
    keeper.fault(primary, 'pause')
  })
  t.after(() => watcher.close())
  await keeper.restart(primary)
  await writers.progress(20)
  assert.ok(writers.longestMs() < 6_000, `${writers.longestMs()} ms`)
})
