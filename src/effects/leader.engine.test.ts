import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Clock, systemClock } from '../core/clock.ts'
import { silentLogger } from '../core/log.ts'
import { bench, drained, insertEffects, positionOf } from './fixtures/bench.ts'
import { RecordingFollower } from './fixtures/follower.ts'

const RELAYS = `select pid from pg_locks join pg_stat_activity using (pid)
  where locktype = 'advisory' and classid = 1413893188 and objid = 1000001 and datname = current_database()`

test('of two relays one leads; the other takes over as soon as its session has ended', async (t) => {
  const own = await bench(t)
  const [first, second] = [new RecordingFollower('first'), new RecordingFollower('second')]
  const leader = await own.process([first])
  await drained(own, leader, first)
  const candidate = await own.process([second])
  const { position } = await own.commit('c0', 'a')
  candidate.demand.demand('c0', position.lsn)
  await drained(own, leader, first)
  assert.ok(first.floors.has('c0 a'))
  assert.equal(second.positions.size, 0, 'a candidate promises nothing')
  const { since, ...told } = candidate.status().c0!
  assert.deepEqual(told, { leads: false, position: null, ageMs: null, pendingEffects: null })
  assert.equal(leader.status().c0?.leads, true)
  await leader.stop()
  await second.past('c0', position.lsn)
  assert.equal(second.events[0], 'reset c0', 'it may have missed what the other has deleted')
  await drained(own, candidate, second)
  assert.equal(candidate.status().c0?.leads, true)
  assert.ok(candidate.status().c0!.since > since)
  const { position: later } = await own.commit('c0', 'b')
  await drained(own, candidate, second)
  assert.ok((second.floors.get('c0 b') ?? 0n) >= later.lsn)
})

test('a candidate that waits for long says so, once', async (t) => {
  const own = await bench(t)
  const { LEAD } = await import('./statements.ts')
  const holder = await own.session()
  await holder.query(LEAD.sql)
  const warned: string[] = []
  const log = { ...silentLogger, warn: (_fields: object, message: string) => void warned.push(message) }
  // A hundred times as fast.
  const clock: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() * 100,
    timer: (ms, run) => systemClock.timer(ms / 100, run),
  }
  const follower = new RecordingFollower()
  await own.process([follower], { log, clock })
  for (const startedAt = clock.monotonic(); clock.monotonic() - startedAt < 60_000; )
    await holder.query('select 1')
  assert.equal(warned.length, 1)
  assert.match(warned[0]!, /another session/)
  await holder.end()
  await follower.past('c0', 0n)
})

test('a leader whose session is ended by force starts anew, and deletes nothing it has not delivered', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const effects = await own.process([follower])
  await drained(own, effects, follower)
  const admin = await own.session()
  for (let round = 0; round < 5; round++) {
    const resets = follower.resets
    const { rows } = await admin.query(RELAYS)
    assert.equal(rows.length, 1)
    await admin.query('select pg_terminate_backend($1)', [rows[0].pid])
    const { position } = await own.commit('c0', `k${round}`)
    effects.demand.demand('c0', position.lsn)
    await follower.past('c0', position.lsn)
    await follower.until(() => follower.resets > resets)
    await drained(own, effects, follower)
    assert.ok((follower.floors.get(`c0 k${round}`) ?? 0n) >= position.lsn)
    assert.equal(await own.pending(), 0)
  }
})

test('a session that does not hold the lock deletes nothing', async (t) => {
  const own = await bench(t)
  const { marker } = await own.commit('c0', 'a')
  const { DELETE, LEAD } = await import('./statements.ts')
  const [one, other] = [await own.session(), await own.session()]
  await one.query(LEAD.sql)
  await other.query(LEAD.sql)
  await other.query(DELETE, [[marker]])
  assert.equal(await own.pending(), 1)
  await one.query(DELETE, [[marker]])
  assert.equal(await own.pending(), 0)
})

test('a long transaction leaves many dead rows, and passes do not walk over them', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const effects = await own.process([follower])
  await drained(own, effects, follower)
  const long = await own.session()
  await long.query('begin isolation level repeatable read')
  await long.query('select 1 from tenfold.effects')
  const writer = await own.session()
  for (let round = 0; round < 10; round++) {
    await writer.query(`with gone as (insert into tenfold.effects (marker, bucket, tag, effects)
      select gen_random_uuid(), 0, 0, '{}' from generate_series(1, 20000) returning marker) select count(*) from gone`)
    await writer.query('delete from tenfold.effects')
  }
  const { read, FIRST } = await import('./statements.ts')
  const { rows } = await writer.query('select pg_current_snapshot()::text as now')
  const { sql, params } = read(FIRST, 500, rows[0].now)
  await writer.query(`set enable_seqscan = off`)
  await writer.query(`set plan_cache_mode = force_generic_plan`)
  const plan = await writer.query(`explain (analyze, buffers, format json) ${sql}`, params as unknown[])
  const { 'Shared Hit Blocks': hit, 'Shared Read Blocks': miss } = plan.rows[0]['QUERY PLAN'][0].Plan
  assert.ok(hit + miss < 50, `${hit + miss} pages`)
  await insertEffects(writer, 'a')
  const { lsn } = await positionOf(writer)
  await drained(own, effects, follower)
  assert.ok((follower.floors.get('c0 a') ?? 0n) >= lsn)
  await long.query('rollback')
})
