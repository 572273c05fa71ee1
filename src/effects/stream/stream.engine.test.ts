import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import { bench, drained, INSERT, positionOf } from '../fixtures/bench.ts'
import { RecordingFollower } from '../fixtures/follower.ts'
import { follow, socketFolder, startRelay } from '../fixtures/stream.ts'

const MARKER = '00000000-0000-4000-8000-000000000001'

test('what anybody commits reaches every subscriber, and is deleted when all have it', async (t) => {
  const own = await bench(t, { clusters: 2 })
  const { address } = await startRelay(t, own, join(socketFolder(t), 'relay'))
  const levels = [new RecordingFollower('one'), new RecordingFollower('other')]
  const processes = []
  for (const level of levels) processes.push(await follow(t, [address], [level], { clusters: ['c0', 'c1'] }))
  for (const cluster of ['c0', 'c1']) {
    const before = await positionOf(await own.session(cluster))
    const { position } = await own.commit(cluster, 'a', 'b')
    for (const [at, level] of levels.entries()) {
      processes[at]?.demand.demand(cluster, position.lsn)
      await level.past(cluster, position.lsn)
      // The relay may have read them before the committer asked where the log is.
      assert.ok((level.floors.get(`${cluster} a`) ?? 0n) > before.lsn)
      assert.ok((level.floors.get(`${cluster} b`) ?? 0n) > before.lsn)
      await drained(own, processes[at]!, level, cluster)
    }
    assert.equal(await own.pending(cluster), 0)
  }
})

test('an own commit is applied before it is answered, and once', async (t) => {
  const own = await bench(t)
  const { address } = await startRelay(t, own, join(socketFolder(t), 'relay'))
  const level = new RecordingFollower()
  const effects = await follow(t, [address], [level])
  await drained(own, effects, level)
  const client = await own.session()
  const doubt = effects.local.begin('c0', MARKER, { invalidate: ['mine'] })
  assert.equal(level.holds.get('c0 mine'), 1)
  await client.query(INSERT, [MARKER, JSON.stringify({ invalidate: ['mine'] })])
  const { position } = await own.commit('c0', 'theirs')
  doubt.committed(position)
  assert.equal(level.floors.get('c0 mine'), position.lsn)
  assert.equal(level.holds.size, 0)
  await drained(own, effects, level)
  assert.equal(level.floors.get('c0 mine'), position.lsn, 'the higher floor of the relay would cost misses')
  assert.equal(level.events.filter((event) => event === 'floor c0 mine').length, 1)
  assert.equal(await own.pending(), 0)
})

test('an unknown outcome is held until a pass that began after its bound', async (t) => {
  const own = await bench(t)
  const { address } = await startRelay(t, own, join(socketFolder(t), 'relay'))
  const level = new RecordingFollower()
  // Ahead of the relay's clock by an hour: nobody may compare the two.
  let ahead = 3_600_000
  const clock = { ...systemClock, monotonic: () => systemClock.monotonic() + ahead }
  const effects = await follow(t, [address], [level], { clock })
  await drained(own, effects, level)
  effects.local.begin('c0', MARKER, { invalidate: ['lost'] }).unknown(10_000)
  await drained(own, effects, level)
  assert.equal(level.holds.get('c0 lost'), 1)
  ahead += 15_000
  await drained(own, effects, level)
  await level.until(() => level.holds.size === 0)
  const { takenAt } = level.positions.get('c0')!
  assert.ok(takenAt <= clock.monotonic() && takenAt > clock.monotonic() - 1_000, 'in time of its own')
})

test('without a relay nothing fails; when one comes, the followers begin with nothing', async (t) => {
  const own = await bench(t)
  const path = join(socketFolder(t), 'relay')
  const level = new RecordingFollower()
  const effects = await follow(t, [{ socketPath: path }], [level])
  effects.demand.demand('c0', 5n)
  effects.local.begin('c0', MARKER, { invalidate: ['early'] }).committed({ lsn: 5n, timeline: 1 })
  assert.equal(level.floors.get('c0 early'), 5n)
  assert.equal(effects.status().c0?.position, null)
  const first = await startRelay(t, own, path)
  await drained(own, effects, level)
  assert.ok(
    level.events.indexOf('reset c0') < level.events.findIndex((event) => event.startsWith('position')),
  )
  await first.stop()
  const { position } = await own.commit('c0', 'between')
  const told = level.resets
  await startRelay(t, own, path)
  await level.until(() => level.resets > told)
  effects.demand.demand('c0', position.lsn)
  await level.past('c0', position.lsn)
  assert.ok(level.floors.has('c0 between'), 'what is still there is delivered')
})

test('of two relays one leads; the other takes over, and its stream begins with nothing', async (t) => {
  const own = await bench(t)
  const folder = socketFolder(t)
  const first = await startRelay(t, own, join(folder, 'one'))
  const level = new RecordingFollower()
  const addresses = [first.address, { socketPath: join(folder, 'two') }]
  const effects = await follow(t, addresses, [level])
  await drained(own, effects, level)
  const second = await startRelay(t, own, join(folder, 'two'))
  await drained(own, effects, level)
  assert.equal(first.publisher.status().c0?.leads, true)
  assert.equal(second.publisher.status().c0?.leads, false)
  const { resets } = level
  await first.stop()
  await level.until(() => level.resets > resets)
  const { position } = await own.commit('c0', 'later')
  effects.demand.demand('c0', position.lsn)
  await level.past('c0', position.lsn)
  assert.ok(level.floors.has('c0 later'))
  assert.equal(second.publisher.status().c0?.leads, true)
})

test('a transaction with very many keys comes in parts, one with an endless key without it', async (t) => {
  const own = await bench(t)
  const { address } = await startRelay(t, own, join(socketFolder(t), 'relay'))
  const level = new RecordingFollower()
  const effects = await follow(t, [address], [level])
  await drained(own, effects, level)
  const keys = Array.from({ length: 3_000 }, (_, at) => `${at}${'\u0001'.repeat(200)}`)
  // On a busy machine it may be cut off, and starts anew: right, and not what is looked at here.
  for (let resets = -1; resets !== level.resets; ) {
    resets = level.resets
    const { position } = await own.commit('c0', ...keys, 'x'.repeat(2 * 2 ** 20))
    effects.demand.demand('c0', position.lsn)
    await level.past('c0', position.lsn)
  }
  assert.equal(level.floors.size, keys.length)
  await drained(own, effects, level)
  assert.equal(await own.pending(), 0)
})
