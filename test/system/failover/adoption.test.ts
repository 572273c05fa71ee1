import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { isAlive, processesIn } from '../../../src/data/postgres/process.ts'
import { recordDirOf } from '../../../src/data/postgres/record.ts'
import { missing, startWriters } from './writers.ts'

test('a primary that cannot be taken over has ended before another serves', async (t) => {
  const cluster = await testCluster(t)
  const { keeper, options } = cluster
  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(20)
  const { dataDir } = nodePlaces(options, keeper.record.primary)
  const [postmaster] = processesIn(dataDir)
  await keeper.leave()
  // Nobody can ask it anything any more.
  writeFileSync(join(recordDirOf(dataDir), 'password'), 'another')
  await cluster.another().start()
  assert.ok(postmaster && !isAlive(postmaster))
  await writers.progress(20)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
