import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ticks } from './ticks.ts'

test('the last tick that was here before, and not at the same time', () => {
  const ticks = new Ticks()
  assert.equal(ticks.before(100), undefined)
  ticks.note(7_000, 10)
  ticks.note(7_010, 20)
  assert.equal(ticks.before(10), undefined)
  assert.equal(ticks.before(20), 7_000)
  assert.equal(ticks.before(20.001), 7_010)
})

test('of many ticks the newest are kept', () => {
  const ticks = new Ticks()
  for (let at = 0; at < 10_000; at++) ticks.note(at, at)
  assert.equal(ticks.before(10_000), 9_999)
  assert.equal(ticks.before(9_900), 9_899)
  assert.equal(ticks.before(100), undefined)
})
