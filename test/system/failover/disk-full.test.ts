import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chownSync, cpSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import pg from 'pg'
import { primaryOf, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { fill, NO_SMALL_DISK, smallDisk } from '../kit/small-disk.ts'
import { missing, startWriters } from './writers.ts'

test('FAULTS case 12: the disk of the primary is full: another serves, no commit is acknowledged that is not there', {
  skip: NO_SMALL_DISK,
}, async (t) => {
  const disk = smallDisk(t, '80m')
  const cluster = await testCluster(t)
  const { primary: full } = cluster.keeper.record
  await cluster.keeper.stop()
  // Its log moves to a disk of its own, as operators do.
  const log = join(cluster.options.dataDir, 'pg_wal')
  const moved = join(disk, 'wal')
  const { uid, gid } = statSync(cluster.options.dataDir)
  cpSync(log, moved, { recursive: true })
  execFileSync('chown', ['-R', `${uid}:${gid}`, moved])
  rmSync(log, { recursive: true })
  symlinkSync(moved, log)
  chownSync(disk, uid, gid)
  const keeper = cluster.another()
  await keeper.start()
  await cluster.whole()
  assert.equal(keeper.record.primary, full)

  const writers = await startWriters(cluster, 4)
  t.after(() => writers.stop())
  await writers.progress(50)
  const replaced = cluster.until('another is primary', ({ primary }) => primary !== full)
  fill(disk)
  // New segments are asked for until there is no room for one.
  const client = new pg.Client(connectionTo(primaryOf(keeper.topology()), 'postgres'))
  client.on('error', () => {})
  await client.connect()
  for (let switches = 0; switches < 20; switches++)
    await client
      .query("select pg_logical_emit_message(true, 'kit', repeat('x', 100000)), pg_switch_wal()")
      .catch(() => {})
  await replaced
  await writers.progress(50)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
