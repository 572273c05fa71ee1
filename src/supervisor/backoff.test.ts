import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKOFF_FIRST_MS, BACKOFF_MAX_MS, BACKOFF_RESET_MS, backoff } from './backoff.ts'

test('waits double up to a limit and start over after good health', () => {
  const waits: number[] = []
  let previous: number | undefined
  for (let round = 0; round < 10; round++) {
    const next = backoff(previous, 0)
    waits.push(next.waitMs)
    previous = next.nextMs
  }
  assert.deepEqual(waits, [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
  assert.equal(waits.at(-1), BACKOFF_MAX_MS)
  assert.equal(backoff(previous, BACKOFF_RESET_MS).waitMs, BACKOFF_FIRST_MS)
})
