import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { silentLogger } from '../../../src/core/log.ts'
import { primaryOf, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { within } from '../kit/deadline.ts'
import { missing, startWriters } from './writers.ts'

test('available: a standby that hangs while it is counted again holds up commits no longer than any other', async (t) => {
  const cluster = await testCluster(t, { replicas: 1, durability: 'available' })
  const { keeper } = cluster
  const { primary, nodes } = keeper.record
  const standby = nodes.find((id) => id !== primary)!
  const client = new pg.Client(connectionTo(primaryOf(keeper.topology()), 'postgres'))
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end())
  await client.query('create table notes (id int)')
  keeper.fault(standby, 'pause')
  await client.query('insert into notes values (1)')
  await cluster.until('alone', ({ alone }) => alone)
  const named = cluster.until('it is named', ({ alone }) => {
    // At once: a moment later it counts.
    if (!alone) keeper.fault(standby, 'pause')
    return !alone
  })
  keeper.fault(standby, 'resume')
  await named
  assert.deepEqual(keeper.record.synchronous, [], 'it hangs before it counts')
  const goesOn = async (): Promise<void> => {
    while (!keeper.topology().alone) await client.query('insert into notes values (2)')
  }
  await within(goesOn(), 'commits alone', 6_000)
  await client.query('insert into notes values (3)')
  keeper.fault(standby, 'resume')
  await cluster.whole()
})

test('a standby that hangs while it catches up after a failover does not keep the next one from counting', async (t) => {
  let covers: (node: string) => void = () => {}
  const info = (about: { node?: string; repair?: string }): void => {
    if (about.repair === 'cover') covers(about.node!)
  }
  const cluster = await testCluster(t, { log: { ...silentLogger, info } as never })
  const { keeper } = cluster
  const { primary, epoch } = keeper.record
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  const hangs = new Promise<string>((resolve) => {
    covers = (node) => {
      if (keeper.record.epoch === epoch) return
      covers = () => {}
      keeper.fault(node, 'pause')
      resolve(node)
    }
  })
  keeper.fault(primary, 'kill')
  const hung = await hangs
  assert.deepEqual(keeper.record.synchronous, [], 'it hangs before it counts')
  await within(
    cluster.until('the old primary counts', () => keeper.record.synchronous.includes(primary)),
    'the old primary counts',
    10_000,
  )
  await writers.progress(20)
  assert.ok(writers.longestMs() < 10_000, `no write for ${writers.longestMs()} ms`)
  keeper.fault(hung, 'resume')
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
