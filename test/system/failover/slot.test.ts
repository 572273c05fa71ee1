import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { silentLogger } from '../../../src/core/log.ts'
import { dearest } from '../../../src/data/failover/fitted.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { slotOf } from '../../../src/data/replication/settings.ts'
import { until } from '../kit/deadline.ts'
import { signal } from '../kit/signal.ts'
import { missing, startWriters } from './writers.ts'

/** Log of so many segments, of 16 MB each but for what is in them. */
const SEGMENTS = 4

async function withPrimary<R>(cluster: TestCluster, work: (client: pg.Client) => Promise<R>): Promise<R> {
  const client = new pg.Client(cluster.connections().get(cluster.keeper.record.primary)!)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const slotStatus = (client: pg.Client, id: string): Promise<string | undefined> =>
  client
    .query('select wal_status as status from pg_replication_slots where slot_name = $1', [slotOf(id)])
    .then(({ rows }) => rows[0]?.status)

const waitsForSlot = `select 1 from pg_stat_activity
  where backend_type = 'checkpointer' and wait_event = 'ReplicationSlotDrop'`

/**
 * The primary writes more than its slots may hold back, while nothing is sent to this standby. It is the sender that stops: one
 * whose receiver takes nothing cannot be ended by PostgreSQL, as it waits for its last word to be taken.
 */
async function fallOff(t: TestContext, cluster: TestCluster, id: string, other: string): Promise<void> {
  await withPrimary(cluster, async (client) => {
    const { rows } = await client.query('select pid from pg_stat_replication where application_name = $1', [
      id,
    ])
    const { pid } = rows[0]
    t.after(() => signal(pid, 'SIGCONT'))
    signal(pid, 'SIGSTOP')
    await client.query(`alter system set max_slot_wal_keep_size = '1MB'`)
    await client.query('alter system set wal_keep_size = 0')
    await client.query('select pg_reload_conf()')
    for (let at = 0; at < SEGMENTS; at++) {
      await client.query(`select pg_logical_emit_message(true, 'tenfold', repeat('x', 1000))`)
      await client.query('select pg_switch_wal()')
    }
    // The other one is not to fall off, too.
    const { rows: now } = await client.query('select pg_current_wal_flush_lsn() as lsn')
    await until('the other one has all of it', async () => {
      const reached = 'select 1 from pg_replication_slots where slot_name = $1 and restart_lsn >= $2'
      const { rowCount } = await client.query(reached, [slotOf(other), now[0].lsn])
      return rowCount === 1 || undefined
    })
    const checkpoint = withPrimary(cluster, (another) => another.query('checkpoint'))
    await until('the slot is to be given up', async () => {
      const found = await client.query(waitsForSlot)
      return found.rowCount === 1 || undefined
    })
    signal(pid, 'SIGCONT')
    await checkpoint
    assert.equal(await slotStatus(client, id), 'lost')
    await client.query('alter system reset all')
    await client.query('select pg_reload_conf()')
  })
}

test('a standby that works and falls off its slot is copied anew; commits go on with the other', async (t) => {
  const copied: string[] = []
  const log = {
    ...silentLogger,
    info: (about: object, message?: string) =>
      message === 'a replica was made' && copied.push((about as { node: string }).node),
  }
  const cluster = await testCluster(t, { log: log as never })
  const writers = await startWriters(cluster, 1)
  t.after(() => writers.stop())
  await writers.progress(20)
  copied.length = 0
  const [other, id] = dearest(cluster.keeper.record).filter((one) => one !== cluster.keeper.record.primary)
  await fallOff(t, cluster, id!, other!)
  await writers.progress(200)
  await until('it is copied', () => copied.includes(id!) || undefined)
  await cluster.whole()
  assert.deepEqual(copied, [id])
  assert.equal(await withPrimary(cluster, (client) => slotStatus(client, id!)), 'reserved')
  // It is worth as much as before: with the other one gone, commits go on with it alone.
  const pid = cluster.keeper.topology().members.find((member) => member.id === other)?.pid
  assert.ok(pid)
  cluster.keeper.fault(other!, 'pause')
  await writers.progress(20)
  t.diagnostic(`longest pause ${Math.round(writers.longestMs())} ms`)
  await cluster.whole()
  await writers.stop()
  assert.deepEqual(await missing(cluster, writers), [])
})
