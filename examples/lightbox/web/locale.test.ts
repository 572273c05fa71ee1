import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ago, count, fullTime, localeOf } from './locale.ts'

const NOW = Date.UTC(2026, 2, 14, 12)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

test('times are told as people tell them', () => {
  const told = (passed: number) => ago('en-GB', NOW - passed, NOW)
  assert.deepEqual(
    [-5000, 0, 59_000, MINUTE, 59 * MINUTE, HOUR, 23 * HOUR, DAY, 6 * DAY, 7 * DAY, 90 * DAY].map(told),
    [
      'just now',
      'just now',
      'just now',
      '1 minute ago',
      '59 minutes ago',
      '1 hour ago',
      '23 hours ago',
      'yesterday',
      '6 days ago',
      '7 March',
      '14 December 2025',
    ],
  )
  assert.equal(fullTime('en-GB', NOW), '14 March 2026 at 12:00 UTC')
})

test('numbers follow the visitor’s English', () => {
  assert.equal(count('en-US', 9999), '9,999')
  assert.equal(count('en-US', 12_345), '12.3K')
  assert.equal(count('en-IN', 123_456), '1.2L')
})

test('Accept-Language chooses, and nonsense does not', () => {
  assert.equal(localeOf('de-DE, en-US;q=0.5, en-GB;q=0.8'), 'en-GB')
  assert.equal(localeOf('de, fr;q=0.9'), 'en-US')
  assert.equal(localeOf(undefined), 'en-US')
  assert.equal(localeOf(';;q=,,,=;en-GB;q=x'), 'en-US')
})
