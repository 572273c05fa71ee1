import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../core/clock.ts'
import { Admission } from './admission.ts'
import { Positions } from './positions.ts'
import { LATE_MS, Pulse } from './pulse.ts'

/** Time that stands still until it is put forward. */
function manualClock(): Clock & { advance(ms: number): void } {
  let now = 0
  const timers = new Set<{ due: number; run: () => void }>()
  return {
    now: () => now,
    monotonic: () => now,
    sleep: () => Promise.reject(new Error('Nothing sleeps here')),
    timer: (ms, run) => {
      const timer = { due: now + ms, run }
      timers.add(timer)
      return { cancel: () => void timers.delete(timer) }
    },
    advance: (ms) => {
      now += ms
      for (const timer of [...timers]) if (timer.due <= now && timers.delete(timer)) timer.run()
    },
  }
}

function pulsing() {
  const clock = manualClock()
  const counts = { outstanding: 1, pings: 0, late: 0 }
  const pulse = new Pulse({
    clock,
    outstanding: () => counts.outstanding,
    ping: () => counts.pings++,
    late: () => counts.late++,
  })
  pulse.sent()
  return { clock, counts, pulse }
}

test('a node that says nothing is pinged, and late after 60 ms; one that answers anything is not', () => {
  const { clock, counts, pulse } = pulsing()
  for (let ms = 0; ms < 200; ms += 20) {
    clock.advance(20)
    pulse.heard()
  }
  assert.equal(counts.late, 0)
  for (let ms = 0; ms < LATE_MS - 20; ms += 20) clock.advance(20)
  assert.equal(counts.late, 0)
  assert.ok(counts.pings > 0)
  clock.advance(20)
  assert.equal(counts.late, 1)
})

test('when this process was held up itself, that is no silence of others', () => {
  const { clock, counts } = pulsing()
  clock.advance(500)
  assert.equal(counts.late, 0)
  clock.advance(20)
  assert.equal(counts.late, 0)
  clock.advance(20)
  assert.equal(counts.late, 1)
})

test('nobody is looked at while nothing is owed', () => {
  const { clock, counts, pulse } = pulsing()
  counts.outstanding = 0
  for (let count = 0; count < 10; count++) clock.advance(20)
  assert.deepEqual([counts.pings, counts.late], [0, 0])
  counts.outstanding = 1
  pulse.sent()
  clock.advance(20)
  assert.equal(counts.pings, 1)
})

test('a position is waited for until some answer shows it, or the time is over', async () => {
  const clock = manualClock()
  let asked = 0
  const positions = new Positions(clock, () => asked++)
  const reached = positions.reach({ timeline: 2, lsn: 100n }, 20)
  const other = positions.reach({ timeline: 2, lsn: 200n }, 20)
  positions.told({ timeline: 2, lsn: 99n })
  positions.told({ timeline: 1, lsn: 500n })
  clock.advance(2)
  positions.told({ timeline: 2, lsn: 100n })
  assert.equal(await reached, true)
  clock.advance(20)
  assert.equal(await other, false)
  assert.ok(asked > 1)
  const before = asked
  clock.advance(100)
  assert.equal(asked, before)
})

test('places are given in the order of coming, and not to those who have gone', async () => {
  const clock = manualClock()
  const admission = new Admission(1, clock)
  assert.equal(await admission.enter(10), 'in')
  const gone = new AbortController()
  const aborted = admission.enter(1_000, gone.signal)
  const impatient = admission.enter(10)
  const patient = admission.enter(1_000)
  gone.abort(new Error('gone'))
  await assert.rejects(aborted, /gone/)
  clock.advance(10)
  assert.equal(await impatient, 'late')
  admission.leave()
  assert.equal(await patient, 'in')
  const next = admission.enter(1)
  clock.advance(1)
  assert.equal(await next, 'late')
  admission.leave()
  assert.equal(await admission.enter(0), 'in')
})

test('of those who wait for a place so many are enough', async () => {
  const clock = manualClock()
  const admission = new Admission(1, clock)
  await admission.enter(0)
  const waiting = Array.from({ length: 20_000 }, () => admission.enter(10))
  assert.equal(await admission.enter(10), 'full')
  clock.advance(10)
  assert.deepEqual(new Set(await Promise.all(waiting)), new Set(['late']))
})
