import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { cursorOf, postIdOf } from './cursor.ts'
import { drawnAt, isPostId, isUserId, timeOf } from './ids.ts'
import { Problem } from './problems.ts'

describe('ids', () => {
  test('of people are positive 64-bit integers in their one form', () => {
    for (const id of ['1', '12', '9223372036854775807']) assert.ok(isUserId(id), id)
    for (const id of ['', '0', '-1', '012', '1.0', '9223372036854775808', '10000000000000000000', '１']) {
      assert.ok(!isUserId(id), id)
    }
  })

  test('of posts tell when they were drawn, and can be drawn for another time', () => {
    const time = fc.integer({ min: 0, max: 2 ** 48 - 1 })
    fc.assert(
      fc.property(fc.uuid({ version: 7 }), time, (id, ms) => {
        const moved = drawnAt(id, ms)
        assert.ok(isPostId(moved))
        assert.equal(timeOf(moved).getTime(), ms)
        assert.equal(drawnAt(moved, timeOf(id).getTime()), id)
      }),
    )
  })
})

describe('a cursor', () => {
  test('gives back its post, and nothing else is a cursor', () => {
    fc.assert(fc.property(fc.uuid({ version: 7 }), (id) => assert.equal(postIdOf(cursorOf(id)), id)))
    const other = fc.oneof(fc.string({ unit: 'binary' }), fc.uuid({ version: 4 }).map(cursorOf))
    fc.assert(fc.property(other, (text) => assert.throws(() => postIdOf(text), Problem)))
  })
})
