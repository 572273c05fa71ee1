import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { createCache } from '../../../src/cache/index.ts'
import { createContextStorage } from '../../../src/core/context.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { ReadSpan } from '../../../src/core/ports.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { upkeepSessions } from '../../../src/data/client/upkeep-session.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import { createEffects, type EffectsService } from '../../../src/effects/index.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { TestClock } from '../../../src/testing/clock.ts'
import { testDatabase } from '../../../src/testing/postgres.ts'
import { until } from '../kit/deadline.ts'
import { INSERT, positionOf } from './writers.ts'

/** A process with a relay and a cache, and a value that another process changes. */
async function startOne(t: TestContext) {
  const { connection, drop } = await testDatabase()
  const clusters = [{ name: 'c0', connection }]
  await prepareData({ clusters, placing: { keys: {}, global: [] }, log: silentLogger })
  const client = new pg.Client(connection)
  await client.connect()
  await client.query('create table facts as select 1 as fact')
  const clock = new TestClock()
  const common = { clock, log: silentLogger, metrics: createMetrics({ processMetrics: false }) }
  let effects: EffectsService | undefined
  let loads = 0
  const cache = createCache({
    ...common,
    storage: createContextStorage(),
    random: systemRandom(),
    demand: { demand: (cluster, lsn) => effects?.demand.demand(cluster, lsn) },
    source: {
      clusterOf: () => 'c0',
      epochOf: () => 0,
      timedOut: (what) => new Error(what),
      settle: () => undefined,
      load: async (_place, work, span: ReadSpan) => {
        loads++
        const before = await positionOf(client)
        const value = await work(client as never)
        Object.assign(span, { ...before, from: before.lsn, upto: (await positionOf(client)).lsn })
        return value
      },
    },
  })
  effects = createEffects({
    ...common,
    sessions: upkeepSessions(clusters, clock.timer.bind(clock)),
    followers: [cache.level],
  })
  await effects.start()
  t.after(async () => {
    await effects.stop()
    await client.end()
    await drop()
  })
  const fact = (db: pg.Client): Promise<number> =>
    db.query('select fact from facts').then(({ rows }) => rows[0].fact as number)
  const read = (): Promise<unknown> =>
    cache.guaranteed.cached(
      { placement: 'home', prefix: '' },
      { name: 'fact', args: [], text: 'fact' },
      {},
      fact as never,
    )
  /** In a transaction with its invalidation, in a process that has no part in this one. */
  const change = async (): Promise<void> => {
    await client.query('begin')
    await client.query('update facts set fact = fact + 1')
    await client.query(INSERT, [randomUUID(), JSON.stringify({ invalidate: ['fact'] })])
    await client.query('commit')
  }
  const cached = () =>
    until('the value is stored', async () => {
      const before = loads
      await read()
      return loads === before || undefined
    })
  return { effects, clock, read, change, cached, loads: () => loads }
}

test('a relay that is gone makes answers slower, not older than a second (FAULTS 21)', async (t) => {
  const { effects, clock, read, change, cached, loads } = await startOne(t)
  await cached()
  await effects.stop()
  await change()
  const before = loads()
  const inTime = await read()
  assert.ok(inTime === 1 || loads() > before, 'within the bound it may be the old value')
  await clock.advance(1_001)
  assert.equal(await read(), 2)
  assert.equal(await read(), 2)
  assert.equal(loads() - before, 2, 'each from the database')
})

test('a relay that works brings what others commit, and the value is stored again', async (t) => {
  const { read, change, cached } = await startOne(t)
  await cached()
  for (let round = 2; round <= 4; round++) {
    await change()
    await until('the change', async () => (await read()) === round || undefined)
    await cached()
    assert.equal(await read(), round)
  }
})
