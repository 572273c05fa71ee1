import assert from 'node:assert/strict'
import { test } from 'node:test'
import { silentLogger } from '../../core/log.ts'
import { RecordingFollower } from '../fixtures/follower.ts'
import { ModelClock } from '../fixtures/model/clock.ts'
import { FollowedCluster, type Upstream } from './followed-cluster.ts'
import type { Up } from './messages.ts'

/** A relay that remembers what it was told. */
class RecordedRelay implements Upstream {
  readonly said: Up[] = []
  closed: string | undefined

  send(message: Up): void {
    this.said.push(message)
  }

  close(reason: string): void {
    this.closed = reason
  }

  count(kind: Up['kind']): number {
    return this.said.filter((message) => message.kind === kind).length
  }
}

function following() {
  const clock = new ModelClock()
  clock.advance(1_000)
  const level = new RecordingFollower()
  const cluster = new FollowedCluster({
    cluster: 'c0',
    followers: [level],
    clock,
    log: silentLogger,
    tick: () => clock.monotonic(),
  })
  const position = (relay: RecordedRelay, lsn: bigint, timeline = 1) =>
    cluster.advance(relay, { kind: 'position', cluster: 'c0', lsn, timeline, tick: clock.monotonic() })
  const effects = (relay: RecordedRelay, marker: string, last = true) =>
    cluster.effects(relay, {
      kind: 'effects',
      cluster: 'c0',
      batch: 1,
      last,
      rows: [{ marker, floor: 50n, effects: { invalidate: [`key ${marker}`] } }],
    })
  return { clock, level, cluster, position, effects }
}

const term = (xid: bigint, timeline = 1) => ({ timeline, xid })

test('a stream begins with nothing; the one of an earlier term is not heard', () => {
  const { level, cluster, position, effects } = following()
  const [old, late] = [new RecordedRelay(), new RecordedRelay()]
  position(old, 10n)
  assert.equal(level.positions.size, 0, 'nobody leads yet')
  cluster.begin(late, term(8n))
  cluster.begin(old, term(7n))
  assert.equal(level.resets, 1)
  position(old, 10n)
  assert.equal(level.positions.size, 0)
  effects(old, 'm')
  assert.equal(level.floors.size, 1, 'effects do no harm')
  assert.equal(old.count('applied'), 1)
  position(late, 20n)
  assert.equal(level.positions.get('c0')?.lsn, 20n)
  cluster.begin(old, term(9n))
  position(old, 30n)
  position(late, 40n)
  assert.equal(level.positions.get('c0')?.lsn, 30n)
  assert.equal(level.floors.size, 0)
})

test('a term of a later timeline is later, whatever its number', () => {
  const { cluster, level, position } = following()
  const [old, late] = [new RecordedRelay(), new RecordedRelay()]
  cluster.begin(old, term(1_000n, 1))
  cluster.begin(late, term(5n, 2))
  position(old, 90n, 1)
  position(late, 30n, 2)
  assert.deepEqual(level.positions.get('c0')?.lsn, 30n)
})

test('when the source is gone or leads no longer, any other may follow', () => {
  const { cluster, level, position } = following()
  const [one, other] = [new RecordedRelay(), new RecordedRelay()]
  cluster.begin(one, term(9n))
  cluster.end(other)
  position(one, 5n)
  cluster.end(one)
  position(one, 50n)
  assert.equal(level.positions.get('c0')?.lsn, 5n)
  cluster.begin(other, term(2n))
  position(other, 60n)
  assert.equal(level.positions.get('c0')?.lsn, 60n)
})

test('only the last part of a batch is acknowledged; what fails here ends the connection', () => {
  const { cluster, level, effects } = following()
  const relay = new RecordedRelay()
  cluster.begin(relay, term(1n))
  effects(relay, 'a', false)
  assert.equal(relay.count('applied'), 0)
  effects(relay, 'b')
  assert.equal(relay.count('applied'), 1)
  level.failure = new Error('no')
  effects(relay, 'c')
  assert.equal(relay.count('applied'), 1)
  assert.ok(relay.closed)
})

test('an own commit that failed to be applied is applied when the relay brings it', () => {
  const { cluster, level, effects, position } = following()
  const relay = new RecordedRelay()
  cluster.begin(relay, term(1n))
  level.failure = new Error('no')
  cluster.commits.begin('m', { invalidate: ['key m'] }).committed({ lsn: 40n, timeline: 1 })
  level.failure = undefined
  assert.equal(level.holds.size, 1)
  effects(relay, 'm')
  assert.equal(level.floors.get('c0 key m'), 50n)
  position(relay, 60n)
  assert.equal(level.holds.size, 0)
})

test('a nudge a pass at most; what was committed since the last one is told when the pass has ended', () => {
  const { clock, cluster, position } = following()
  const relay = new RecordedRelay()
  cluster.begin(relay, term(1n))
  const commit = (lsn: bigint) => cluster.commits.begin(`m${lsn}`, {}).committed({ lsn, timeline: 1 })
  for (let lsn = 1n; lsn <= 100n; lsn++) commit(lsn)
  assert.equal(relay.count('nudge'), 1)
  clock.advance(5)
  position(relay, 50n)
  assert.equal(relay.count('nudge'), 2)
  clock.advance(5)
  position(relay, 101n)
  assert.equal(relay.count('nudge'), 2, 'nothing was committed since')
  commit(102n)
  assert.equal(relay.count('nudge'), 3)
})

test('demands are sent once, and again when a position has come or more is asked for', () => {
  const { clock, cluster, position } = following()
  const relay = new RecordedRelay()
  cluster.demand(5n)
  cluster.begin(relay, term(1n))
  for (let times = 0; times < 100; times++) cluster.demand(5n)
  assert.equal(relay.count('demand'), 1)
  cluster.demand(9n)
  assert.equal(relay.count('demand'), 2)
  clock.advance(1)
  position(relay, 20n)
  for (let times = 0; times < 100; times++) cluster.demand(0n)
  assert.equal(relay.count('demand'), 3)
})
