import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { seededRandom } from '../core/random.ts'
import { backoffMs } from './backoff.ts'
import { BATCH_MAX } from './defaults.ts'
import { jobId, placeOfJob } from './ids.ts'
import { Outlook } from './outlook.ts'
import { Pace } from './pace.ts'

test('short runs are claimed by the hundred, long ones only as many as can run', () => {
  const pace = new Pace(10)
  assert.equal(pace.want(0), 10, 'nothing is known yet')
  for (let run = 0; run < 200; run++) pace.note(0.02)
  assert.equal(pace.want(0), BATCH_MAX)
  assert.equal(pace.want(BATCH_MAX * 0.8), 0, 'small claims cost as much as large ones')
  pace.note(5_000)
  assert.equal(pace.want(0), 10)
  assert.equal(pace.want(10), 0)
  assert.equal(pace.want(9), 1)
  assert.equal(pace.excess(400), 390, 'and what waits here is for others')
})

test('backoff is drawn from nothing up to a bound that doubles and ends', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer(), (attempt, seed) => {
      const ms = backoffMs(attempt, [1_000, 900_000], seededRandom(seed))
      assert.ok(ms >= 0 && ms <= Math.min(900_000, 1_000 * 2 ** (attempt - 1)))
    }),
  )
})

test('an id tells where its job lies, and is the same for the same cause', () => {
  const cause = '018f4f6e-0123-8abc-9def-0123456789ab'
  fc.assert(
    fc.property(fc.nat(4095), fc.nat(2 ** 20 - 1), fc.nat(), (bucket, tag, ordinal) => {
      const id = jobId(cause, ordinal, { bucket, tag })
      assert.deepEqual(placeOfJob(id), { bucket, tag })
      assert.equal(jobId(cause, ordinal, { bucket, tag }), id)
      assert.notEqual(jobId(cause, ordinal + 1, { bucket, tag }), id)
    }),
  )
  assert.equal(placeOfJob(jobId(cause, 1, 'home')), 'home')
  assert.equal(placeOfJob('no id'), undefined)
})

test('the whole order is walked at first, then now and then, the more seldom the longer it takes', () => {
  const outlook = new Outlook()
  assert.equal(outlook.from(0), undefined)
  outlook.looked(true, 0, 1, { rank: 0, due: 'x' })
  assert.deepEqual(outlook.from(100), { windowMs: 1_100, last: { rank: 0, due: 'x' } })
  outlook.looked(false, 100, 101, undefined)
  assert.deepEqual(outlook.from(150), { windowMs: 1_050, last: undefined })
  assert.equal(outlook.from(201), undefined)
  outlook.looked(true, 201, 301, undefined)
  assert.notEqual(outlook.from(2_300), undefined)
  assert.equal(outlook.from(2_301), undefined)
  outlook.looked(true, 2_301, 9_301, undefined)
  assert.equal(outlook.from(14_301), undefined, 'one that took seconds had to wait for something')
  outlook.looked(true, 14_301, 14_302, undefined)
  outlook.forget()
  assert.equal(outlook.from(14_303), undefined)
})
