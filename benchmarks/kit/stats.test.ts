import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estimate, median, quantile } from './stats.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1)

test('the interval has the ranks of the sign test', () => {
  // Published tables of the sign test: the ranks (from 1) of 95% intervals of the median.
  const ranks: [number, number, number][] = [
    [6, 1, 6],
    [9, 2, 8],
    [15, 4, 12],
    [20, 6, 15],
    [30, 10, 21],
  ]
  for (const [count, low, high] of ranks) {
    const { low: l, high: h } = estimate(upTo(count).toReversed())
    assert.deepEqual([count, l, h], [count, low, high])
  }
})

test('medians and quantiles interpolate', () => {
  assert.equal(median([4, 1, 3, 2]), 2.5)
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(quantile([0, 10], 0.25), 2.5)
})

test('what is empty has no estimate', () => {
  assert.throws(() => estimate([]), RangeError)
})
