import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { ClusterNode } from '../../../src/data/failover/node.ts'
import { missing, startWriters } from './writers.ts'

/** Seconds that a disk takes over a slot: more than a look at a node may take. */
const SLOW_S = 1.3

/** Of who is killed over it nothing is left that the next attempt could go on with. */
test('a disk that is slow over a slot holds up a failover, and does not prevent it', async (t: TestContext) => {
  const cluster = await testCluster(t, { replicas: 2 })
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  const query = ClusterNode.prototype.query
  t.mock.method(
    ClusterNode.prototype,
    'query',
    function (this: ClusterNode, ...args: Parameters<typeof query>) {
      const [text, ...rest] = args
      const slow = text.replace(
        'select pg_create_physical_replication_slot($1)',
        `select pg_create_physical_replication_slot($1) from pg_sleep(${SLOW_S})`,
      )
      return query.call(this, slow, ...rest)
    },
  )
  const { primary } = cluster.keeper.record
  cluster.keeper.fault(primary, 'kill')
  await cluster.until('another is primary', (topology) => topology.primary !== primary)
  await writers.progress(20)
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
