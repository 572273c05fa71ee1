import assert from 'node:assert/strict'
import { test } from 'node:test'
import { placeInTime } from './in-time.ts'

const of = (...texts: string[]): number | undefined => placeInTime(texts.map((sql) => ({ sql })))

test('the age of a transaction is looked at right before it commits', () => {
  assert.equal(of('begin', 'select 1', 'commit', 'select 2'), 2)
  assert.equal(of('select 1', 'select 2'), 2, 'what leaves together commits at its end')
  assert.equal(of('select 1'), undefined)
  assert.equal(of(), undefined)
})
