import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Pace } from './pace.ts'

const QUIET = { failures: 0, leading: true, urgent: false, untidy: false, reading: false }
const URGENT = { ...QUIET, urgent: true }

test('under traffic one pass in 10 ms, after a pause two at once', () => {
  const pace = new Pace()
  const begins: number[] = []
  for (let now = 100; begins.length < 6; now = begins.at(-1) as number) {
    const at = Math.max(now, pace.nextAt(URGENT))
    pace.began(at)
    begins.push(at)
  }
  assert.deepEqual(begins, [100, 100, 110, 120, 130, 140])
})

test('what everybody has is tidied up without haste', () => {
  const pace = new Pace()
  pace.began(1_000)
  assert.equal(pace.nextAt({ ...QUIET, untidy: true }), 1_040)
  assert.equal(pace.nextAt({ ...URGENT, untidy: true }), 1_000)
})

test('in quiet once a second, five times a second while somebody reads', () => {
  const pace = new Pace()
  pace.began(1_000)
  assert.equal(pace.nextAt(QUIET), 2_000)
  assert.equal(pace.nextAt({ ...QUIET, reading: true }), 1_200)
  assert.equal(pace.nextAt({ ...URGENT, leading: false }), 1_500)
})

test('failures wait longer and longer, a second at most', () => {
  const pace = new Pace()
  pace.began(0)
  const waits = [1, 2, 3, 4, 5, 6, 60].map((failures) => pace.nextAt({ ...URGENT, failures }))
  assert.deepEqual(waits, [50, 100, 200, 400, 800, 1_000, 1_000])
})
