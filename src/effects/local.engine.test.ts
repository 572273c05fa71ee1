import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { Follower } from '../core/effects.ts'
import { TestClock } from '../testing/clock.ts'
import { bench, drained, insertEffects, positionOf } from './fixtures/bench.ts'
import { RecordingFollower } from './fixtures/follower.ts'

const A = { invalidate: ['a'] }
/** What the server gives a transaction. */
const GIVEN_MS = 10_000

test('a commit of this process is applied before it is answered, and its floor is not raised again', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const effects = await own.process([follower])
  const client = await own.session()
  await client.query('begin')
  const marker = await insertEffects(client, 'a')
  const doubt = effects.local.begin('c0', marker, A)
  assert.equal(follower.holds.get('c0 a'), 1)
  await client.query('commit')
  const position = await positionOf(client)
  // Other commits move the log on: a floor that the relay chose would be above this one.
  await own.commit('c0', 'b')
  doubt.committed(position)
  assert.equal(follower.floors.get('c0 a'), position.lsn)
  assert.equal(follower.holds.size, 0)
  await drained(own, effects, follower)
  assert.equal(await own.pending(), 0)
})

for (const elsewhere of [false, true])
  test(`its row is deleted ${elsewhere ? 'once a follower elsewhere has it' : 'without being read again'}`, async (t) => {
    const own = await bench(t)
    const follower = new RecordingFollower()
    const far: string[] = []
    const other: Follower = {
      name: 'elsewhere',
      apply: async (_, batch) => void far.push(...batch.flatMap(({ effects }) => effects.invalidate ?? [])),
      advance: () => {},
      reset: () => {},
    }
    const effects = await own.process(elsewhere ? [follower, other] : [follower])
    await drained(own, effects, follower)
    const client = await own.session()
    for (let n = 0; n < 5; n++) {
      await client.query('begin')
      const marker = await insertEffects(client, 'a')
      const doubt = effects.local.begin('c0', marker, A)
      await client.query('commit')
      doubt.committed(await positionOf(client))
      await drained(own, effects, follower)
    }
    assert.equal(await own.pending(), 0)
    const applied = follower.events.filter((event) => event === 'floor c0 a').length
    assert.deepEqual(far, Array(elsewhere ? 5 : 0).fill('a'))
    // A pass may come between COMMIT and its answer.
    assert.ok(elsewhere ? applied === 10 : applied < 7, `applied ${applied} times`)
  })

test('the relay uses the floor of the commit it has come after', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const effects = await own.process([follower], { started: false })
  const committed = await own.commit('c0', 'a')
  effects.local.begin('c0', committed.marker, A).committed(committed.position)
  await own.commit('c0', 'b')
  await effects.start()
  await drained(own, effects, follower)
  // The first pass starts everything anew; only then are floors of before forgotten, which costs misses only.
  const before = follower.floors.get('c0 a')
  const again = await own.commit('c0', 'a')
  effects.local.begin('c0', again.marker, A).committed(again.position)
  await own.commit('c0', 'c')
  await drained(own, effects, follower)
  assert.ok((before ?? 0n) >= committed.position.lsn)
  assert.equal(follower.floors.get('c0 a'), again.position.lsn)
})

test('a rollback takes its hold away and nothing else; a doubt is settled once', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const { local } = await own.process([follower], { started: false })
  const doubt = local.begin('c0', randomUUID(), A)
  local.begin('c0', randomUUID(), { invalidate: ['a', 'b'] })
  doubt.rolledBack()
  doubt.rolledBack()
  doubt.unknown(GIVEN_MS)
  assert.deepEqual([...follower.holds], [['c0 a', 1], ['c0 b', 1]]) // biome-ignore format: one line
  assert.equal(follower.floors.size, 0)
})

test('a commit without a position stays in doubt until a later pass has brought its row', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const effects = await own.process([follower])
  await drained(own, effects, follower)
  const { marker, position } = await own.commit('c0', 'a')
  effects.local.begin('c0', marker, A).committed(undefined)
  assert.equal(follower.holds.get('c0 a'), 1)
  await follower.until(() => follower.holds.size === 0)
  const at = (event: string) => follower.events.lastIndexOf(event)
  assert.ok(at('floor c0 a') > at('hold c0 a') && at('floor c0 a') < at('release c0 a'))
  assert.ok((follower.floors.get('c0 a') ?? 0n) >= position.lsn)
})

test('an unknown outcome stays in doubt until it must have ended, and then until a pass', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const clock = new TestClock()
  const effects = await own.process([follower], { clock })
  await drained(own, effects, follower)
  effects.local.begin('c0', randomUUID(), A).unknown(GIVEN_MS)
  await drained(own, effects, follower)
  await clock.advance(GIVEN_MS)
  await drained(own, effects, follower)
  assert.equal(follower.holds.get('c0 a'), 1)
  await clock.advance(5_500)
  await follower.until(() => follower.holds.size === 0)
})

test('a replay delivers what the write before it has left', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const { local } = await own.process([follower], { started: false })
  const { marker, position } = await own.commit('c0', 'a')
  local.replayed('c0', marker, A, position)
  assert.equal(follower.floors.get('c0 a'), position.lsn)
  local.replayed('c0', marker, A, undefined)
  assert.equal(follower.holds.get('c0 a'), 1)
})

test('the first position of a later timeline empties the followers before it is used; an older one is not used', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const { local } = await own.process([follower], { started: false })
  const commit = (lsn: bigint, timeline: number) =>
    local.begin('c0', randomUUID(), A).committed({ lsn, timeline })
  commit(100n, 1)
  commit(90n, 2)
  assert.deepEqual(follower.events.slice(-4), ['hold c0 a', 'reset c0', 'floor c0 a', 'release c0 a'])
  assert.equal(follower.floors.get('c0 a'), 90n)
  commit(200n, 1)
  assert.equal(follower.floors.get('c0 a'), 90n)
  assert.equal(follower.holds.get('c0 a'), 1, 'it waits for the relay')
})

test('holds that nobody ends are bounded: the followers start anew', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const { local } = await own.process([follower], { started: false })
  for (let n = 0; n <= 10_000; n++) local.begin('c0', randomUUID(), A).unknown(GIVEN_MS)
  assert.equal(follower.resets, 1)
  assert.equal(follower.holds.size, 0)
})

test('a level that throws leaves the keys in doubt until the relay has brought them', async (t) => {
  const own = await bench(t)
  const follower = new RecordingFollower()
  const effects = await own.process([follower])
  await drained(own, effects, follower)
  const { marker, position } = await own.commit('c0', 'a')
  follower.failure = new Error('no')
  effects.local.begin('c0', marker, A).committed(position)
  assert.equal(follower.holds.get('c0 a'), 1)
  await follower.until(() => follower.events.filter((event) => event.startsWith('failed')).length >= 2)
  assert.equal(await own.pending(), 1, 'nothing is deleted before everybody has it')
  follower.failure = undefined
  await follower.until(() => follower.holds.size === 0)
  await drained(own, effects, follower)
  assert.equal(follower.floors.get('c0 a'), position.lsn)
  assert.equal(await own.pending(), 0)
})
