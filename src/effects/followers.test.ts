import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DeliveredEffects, Follower } from '../core/effects.ts'
import { silentLogger } from '../core/log.ts'
import { TestClock } from '../testing/clock.ts'
import { RecordingFollower } from './fixtures/follower.ts'
import { Followers } from './followers.ts'

const BATCH: DeliveredEffects[] = [{ effects: { invalidate: ['a'] }, floor: 1n }]
const POSITION = { lsn: 1n, timeline: 1, takenAt: 0 }

function following(...followers: Follower[]) {
  const clock = new TestClock()
  return { clock, all: new Followers('c0', followers, { clock, log: silentLogger }) }
}

/** One that is not in this process. */
function remote(apply: () => Promise<void>) {
  const positions: bigint[] = []
  const follower: Follower = {
    name: 'remote',
    apply,
    advance: (_, { lsn }) => positions.push(lsn),
    reset: () => {},
  }
  return { follower, positions }
}

test('who fails gets no positions until everything was given to it again; the others go on', async () => {
  const good = new RecordingFollower()
  let works = false
  const { follower, positions } = remote(async () => {
    if (!works) throw new Error('no')
  })
  const { all, clock } = following(good, follower)
  assert.equal(await all.apply(BATCH), false)
  all.advance(POSITION)
  assert.ok(good.positions.has('c0'))
  assert.deepEqual(positions, [])
  assert.ok(all.localComplete && !all.complete && !all.retryDue)
  await clock.advance(100)
  assert.ok(all.retryDue)
  all.retry()
  assert.equal(await all.apply(BATCH), false, 'it fails again')
  all.caughtUp()
  assert.ok(!all.complete)
  await clock.advance(100)
  assert.ok(!all.retryDue, 'it waits longer')
  await clock.advance(100)
  works = true
  all.retry()
  assert.equal(await all.apply(BATCH), true)
  all.advance(POSITION)
  assert.deepEqual(positions, [], 'the pass over everything has not ended')
  all.caughtUp()
  all.advance(POSITION)
  assert.deepEqual(positions, [1n])
})

test('who hangs holds up the others for half a second, once', async () => {
  const { follower } = remote(() => new Promise(() => {}))
  const good = new RecordingFollower()
  const { all, clock } = following(follower, good)
  const applied = all.apply(BATCH)
  assert.ok(good.floors.has('c0 a'))
  await clock.advance(500)
  assert.equal(await applied, false)
  assert.equal(await all.apply(BATCH), false)
})
