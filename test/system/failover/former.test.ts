import assert from 'node:assert/strict'
import { test } from 'node:test'
import pg from 'pg'
import { testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { writeClusterRecord } from '../../../src/data/failover/record.ts'
import { isAlive, processesIn, signal } from '../../../src/data/postgres/process.ts'
import { partOf } from './parts.ts'
import { missing, startWriters } from './writers.ts'

test('who was asked to be primary by a keeper that died, and is not chosen by the next, does not become it some day', async (t) => {
  const cluster = await testCluster(t)
  const { keeper, options } = cluster
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  const { record } = keeper
  const [asked, other] = record.nodes.filter((id) => id !== record.primary) as [string, string]
  const connection = cluster.connections().get(asked)!
  await cluster.whole()
  await keeper.leave()
  // Its recovery is stopped, so that it does not yet hear what it is asked.
  const startup = partOf(cluster, asked, /startup/)!
  signal(startup, 'SIGSTOP')
  t.after(() => signal(startup, 'SIGCONT'))
  for (const one of processesIn(nodePlaces(options, record.primary).dataDir)) signal(one, 'SIGKILL')
  const client = new pg.Client(connection)
  client.on('error', () => {}) // it ends with its server
  await client.connect()
  t.after(() => client.end())
  await client.query('select pg_promote(false)')
  const promoting = { id: asked, named: [other], rebuild: [] }
  writeClusterRecord(options.recordFile, { ...record, named: [other], synchronous: [other], promoting })
  const next = cluster.another()
  await next.start()
  assert.equal(next.record.primary, other)
  assert.ok(!isAlive(startup), 'it was ended before')
  await writers.progress(20)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
