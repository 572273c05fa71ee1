import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import pg from 'pg'
import { silentLogger } from '../../../src/core/log.ts'
import { primaryOf, type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { readClusterRecord, writeClusterRecord } from '../../../src/data/failover/record.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import { until, within } from '../kit/deadline.ts'

test('a keeper that is killed while it takes a standby out has written down how many are wanted', async (t) => {
  const { keeper, options } = await testCluster(t)
  const wanted: unknown[] = []
  const end = keeper.onChange(() => void wanted.push(readClusterRecord(options.recordFile)?.scaled))
  await keeper.scale(1)
  end()
  assert.deepEqual(wanted[0], { from: 2, to: 1 }, 'at the first change that the next keeper would find')
  assert.deepEqual(keeper.record.scaled, { from: 2, to: 1 })
})

/** What the keeper has written when it is killed before a standby that it takes out has ended. */
async function killedMidway(
  cluster: TestCluster,
): Promise<{ readonly dataDir: string; readonly id: string }> {
  const { keeper, options } = cluster
  await keeper.leave()
  const record = readClusterRecord(options.recordFile)!
  const id = record.nodes.find((one) => one !== record.primary)!
  const without = (ids: readonly string[]) => ids.filter((one) => one !== id)
  const { nodes, named, synchronous } = record
  const some = { nodes: without(nodes), named: without(named), synchronous: without(synchronous) }
  writeClusterRecord(options.recordFile, { ...record, ...some, leaving: [id], scaled: { from: 2, to: 1 } })
  return { id, dataDir: nodePlaces(options, id).dataDir }
}

test('a standby that was taken out is in the record until nothing of it is left', async (t) => {
  const { keeper, options } = await testCluster(t)
  const all = keeper.record.nodes
  const leaving: unknown[] = []
  const end = keeper.onChange(() => {
    const { nodes, leaving: now } = readClusterRecord(options.recordFile)!
    if (nodes.length < all.length) leaving.push(now)
  })
  await keeper.scale(1)
  end()
  const gone = all.filter((id) => !keeper.record.nodes.includes(id))
  assert.deepEqual(leaving[0], gone)
  assert.deepEqual(keeper.record.leaving, [])
})

test('what a killed keeper has left of a standby that it took out goes with the next one', async (t) => {
  const cluster = await testCluster(t)
  const { id, dataDir } = await killedMidway(cluster)
  const next = cluster.another()
  await next.start()
  await until('it is gone', () => next.record.leaving?.length === 0 || undefined)
  assert.deepEqual(
    [processesIn(dataDir), existsSync(dataDir), next.record.nodes.includes(id)],
    [[], false, false],
  )
  const client = new pg.Client(connectionTo(primaryOf(next.topology()), 'postgres'))
  await client.connect()
  const { rows } = await client.query('select slot_name from pg_replication_slots')
  await client.end()
  assert.equal(rows.length, 1)
  await next.scale(2)
  assert.deepEqual([...next.record.nodes].sort(), ['c0-pg-1', 'c0-pg-2', 'c0-pg-3'])
})

test('what cannot be removed of a standby is tried again, also with another primary', async (t) => {
  let failed = 0
  const warn = (_: object, message?: string): void => {
    if (message === 'a standby was taken out, and something of it is left') failed++
  }
  const cluster = await testCluster(t, { log: { ...silentLogger, warn } as never })
  const { keeper } = cluster
  const { primary } = keeper.record
  const end = keeper.onChange(() => {
    // It answers no more whether it keeps log for the standby.
    if (keeper.record.leaving?.length === 1 && keeper.record.primary === primary)
      keeper.fault(primary, 'pause')
  })
  const scaled = keeper.scale(1)
  await cluster.until('another is primary', (topology) => topology.primary !== primary)
  end()
  await within(scaled, 'one replica', 30_000)
  await until('nothing of it is left', () => keeper.record.leaving?.length === 0 || undefined)
  assert.ok(failed > 0, 'the first attempt failed')
})

test('a node is made although a server that nobody knows of runs under its name', async (t) => {
  const cluster = await testCluster(t)
  await killedMidway(cluster)
  const { recordFile } = cluster.options
  const { leaving: _, ...forgotten } = readClusterRecord(recordFile)!
  writeClusterRecord(recordFile, forgotten)
  const next = cluster.another()
  await next.start()
  await within(next.scale(2), 'it counts', 20_000)
})

test('a number of replicas that could not be had is not had later either', async (t) => {
  const cluster = await testCluster(t)
  const { keeper } = cluster
  // It is not yet known to hang, and cannot be told whom to wait for. Whose turn comes after the failover succeeds.
  keeper.fault(keeper.record.primary, 'pause')
  const succeeded = await keeper.scale(1).then(
    () => true,
    () => false,
  )
  assert.deepEqual(keeper.record.scaled, succeeded ? { from: 2, to: 1 } : undefined)
  await cluster.until('another is primary', ({ primary }) => primary !== 'c0-pg-1')
})
