import assert from 'node:assert/strict'
import { test } from 'node:test'
import { testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { readClusterRecord } from '../../../src/data/failover/record.ts'

test('a keeper that is killed while it takes a standby out has written down how many are wanted', async (t) => {
  const { keeper, options } = await testCluster(t)
  const wanted: unknown[] = []
  const end = keeper.onChange(() => void wanted.push(readClusterRecord(options.recordFile)?.scaled))
  await keeper.scale(1)
  end()
  assert.deepEqual(wanted[0], { from: 2, to: 1 }, 'at the first change that the next keeper would find')
  assert.deepEqual(keeper.record.scaled, { from: 2, to: 1 })
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
