import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { sql } from '../../../src/data/client/fixtures/unkept.ts'
import { dearest } from '../../../src/data/failover/fitted.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { slotOf } from '../../../src/data/replication/settings.ts'
import { until, within } from '../kit/deadline.ts'
import { signal } from '../kit/signal.ts'
import { copies } from './told.ts'
import { missing, startWriters } from './writers.ts'

/** Segments of log, each ended after a few words: more than may be held back. */
const SEGMENTS = Array.from({ length: 4 }, () => [
  `select pg_logical_emit_message(true, 'tenfold', repeat('x', 1000))`,
  'select pg_switch_wal()',
]).flat()

const onPrimary = ({ connections, keeper }: TestCluster, ...statements: readonly string[]) =>
  sql(connections().get(keeper.record.primary)!, ...statements)

async function slotStatus(cluster: TestCluster, id: string): Promise<unknown> {
  const [slot] = await onPrimary(
    cluster,
    `select wal_status as status from pg_replication_slots where slot_name = '${slotOf(id)}'`,
  )
  return slot?.status
}

/** Until this finds something on the primary. */
const found = (cluster: TestCluster, what: string, query: string) =>
  until(what, async () => (await onPrimary(cluster, query))[0])

/**
 * The primary writes more than its slots may hold back, while nothing is sent to this standby. It is the sender that stops: one
 * whose receiver takes nothing cannot be ended by PostgreSQL, as it waits for its last word to be taken.
 */
async function fallOff(t: TestContext, cluster: TestCluster, id: string, other: string): Promise<void> {
  const sender = `select pid from pg_stat_replication where application_name = '${id}'`
  const pid = (await onPrimary(cluster, sender))[0]?.pid as number
  t.after(() => signal(pid, 'SIGCONT'))
  signal(pid, 'SIGSTOP')
  const writing = onPrimary(
    cluster,
    `alter system set max_slot_wal_keep_size = '1MB'`,
    'alter system set wal_keep_size = 0',
    'select pg_reload_conf()',
    ...SEGMENTS,
    'select pg_current_wal_flush_lsn() as lsn',
  )
  const [end] = await within(writing, 'more than may be held back')
  // That one is not to fall off, too.
  await found(
    cluster,
    'the other one has all of it',
    `select 1 from pg_replication_slots where slot_name = '${slotOf(other)}' and restart_lsn >= '${end?.lsn}'`,
  )
  const checkpoint = onPrimary(cluster, 'checkpoint')
  await found(
    cluster,
    'the slot is to be given up',
    `select 1 from pg_stat_activity where backend_type = 'checkpointer' and wait_event = 'ReplicationSlotDrop'`,
  )
  signal(pid, 'SIGCONT')
  // It is lost then, and may be another one at the next look: who has lost it is copied anew.
  await within(checkpoint, 'the checkpoint')
  await onPrimary(cluster, 'alter system reset all', 'select pg_reload_conf()')
}

test('a standby that works and falls off its slot is copied anew; commits go on with the other', async (t) => {
  const { log, copied } = copies()
  const cluster = await testCluster(t, { log })
  const writers = await startWriters(cluster, 1)
  t.after(() => writers.stop())
  await writers.progress(20)
  copied.length = 0
  const [other, id] = dearest(cluster.keeper.record) as [string, string]
  await fallOff(t, cluster, id, other)
  await within(writers.progress(200), 'commits with the other one')
  await until('it is copied', () => copied.includes(id) || undefined)
  await cluster.whole()
  assert.deepEqual(copied, [id])
  assert.equal(await slotStatus(cluster, id), 'reserved')
  // It is worth as much as before: with the other one gone, commits go on with it alone.
  assert.ok(cluster.keeper.topology().members.find((member) => member.id === other)?.pid)
  cluster.keeper.fault(other, 'pause')
  await within(writers.progress(20), 'commits without the other one')
  t.diagnostic(`longest pause ${Math.round(writers.longestMs())} ms`)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
