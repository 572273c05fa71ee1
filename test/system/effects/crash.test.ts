import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { silentLogger } from '../../../src/core/log.ts'
import { parseLsn } from '../../../src/core/lsn.ts'
import type { ClusterOptions } from '../../../src/data/client/types.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { createDatabase } from '../../../src/data/postgres/database.ts'
import { processesIn, signal } from '../../../src/data/postgres/process.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { until } from '../kit/deadline.ts'
import { scratch } from '../postgres/kit.ts'
import { PositionChecker } from './positions.ts'
import { relayOf } from './relay.ts'
import { commit, connect } from './writers.ts'

/** The log is flushed by commits only, and what follows a crash is short. */
const SETTINGS = { wal_writer_delay: '10s', full_page_writes: 'off' }
/** Bytes of log that a crash must take away for the next commits to lie before what was published. */
const LOST = 8_192n
/** Looks at a relay that is right. */
const LOOKS = 200
const FILL = `select count(pg_logical_emit_message(true, 'x', repeat('x', 1000))) from generate_series(1, 30)`

type Spoil = (sql: string) => string

/** Somebody else fills the log, as long as the test lasts, and commits nothing. */
async function fill(t: TestContext, cluster: ClusterOptions): Promise<void> {
  const filler = await connect(cluster)
  t.after(() => filler.end().catch(() => {}))
  await filler.query('begin')
  void (async () => {
    for (;;) await filler.query(FILL)
  })().catch(() => {}) // it ends with the server
}

/** A relay publishes positions, its server crashes, and others commit again. */
async function crash(t: TestContext, spoil: Spoil, mayCrash: (ahead: bigint, looks: number) => boolean) {
  const place = scratch(t)
  const server = place.server({ settings: SETTINGS })
  await server.start()
  const cluster = { name: 'c0', connection: connectionTo(server, 'effects') }
  await createDatabase(server, 'effects')
  await prepareData({ clusters: [cluster], placing: { keys: {}, global: [] }, log: silentLogger })
  const checker = new PositionChecker()
  const follower = checker.follower('follower')
  const effects = relayOf(
    cluster,
    follower,
    (run) => (statements) => run(statements.map((one) => ({ ...one, sql: spoil(one.sql) }))),
  )
  await effects.start()
  t.after(() => effects.stop())
  const before = await connect(cluster)
  t.after(() => before.end().catch(() => {}))
  await fill(t, cluster)
  let looks = 0
  await until('the moment to crash', async () => {
    const at = follower.position('c0')?.lsn ?? 0n
    effects.demand.demand('c0', at)
    const { rows } = await before.query('select pg_current_wal_flush_lsn() as flushed')
    return mayCrash(at - parseLsn(rows[0].flushed), looks++) || undefined
  })
  for (const identity of processesIn(place.dataDir)) signal(identity, 'SIGKILL')
  await server.exited
  await server.stop()
  const next = place.server({ settings: SETTINGS })
  await next.start()
  const after = await connect({ ...cluster, connection: connectionTo(next, 'effects') })
  t.after(() => after.end())
  for (let round = 0; round < 10; round++) await commit(after, 'c0', checker)
  return checker
}

test('what is published lies on the disk: after a crash no commit comes before it', async (t) => {
  const { violations, acknowledged } = await crash(
    t,
    (sql) => sql,
    (ahead, looks) => {
      assert.ok(ahead <= 0n, `${ahead} bytes beyond what is flushed`)
      return looks > LOOKS
    },
  )
  assert.deepEqual(violations, [])
  assert.ok(acknowledged > 0)
})

test('a planted bug is caught: the insert position, after a crash', async (t) => {
  const { violations } = await crash(
    t,
    (sql) => sql.replaceAll('pg_current_wal_flush_lsn', 'pg_current_wal_insert_lsn'),
    (ahead) => ahead > LOST,
  )
  assert.notEqual(violations.length, 0)
})
