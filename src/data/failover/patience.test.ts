import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Clock } from '../../core/clock.ts'
import { whileItMoves } from './patience.ts'

/** Work that moves until then, and ends at that time; what it takes is not spent. */
function work({ movesUntil, endsAt }: { readonly movesUntil: number; readonly endsAt: number }) {
  let now = 0
  const clock = {
    monotonic: () => now,
    sleep: async (ms: number, { signal }: { signal?: AbortSignal } = {}) => {
      await new Promise((resolve) => setImmediate(resolve))
      signal?.throwIfAborted()
      now += ms
    },
  } as unknown as Clock
  const done = async (signal: AbortSignal): Promise<string> => {
    while (now < endsAt) {
      await new Promise((resolve) => setImmediate(resolve))
      signal.throwIfAborted()
    }
    return 'done'
  }
  return (signal = new AbortController().signal) =>
    whileItMoves(done, { where: () => Math.min(now, movesUntil), msMax: 10_000, clock, signal })
}

test('what gets on is waited for, however long it takes', async () => {
  assert.equal(await work({ movesUntil: 100_000, endsAt: 109_000 })(), 'done')
})

test('what stands still for too long is ended', async () => {
  await assert.rejects(work({ movesUntil: 20_000, endsAt: 40_000 })(), /nothing has moved for 10000 ms/)
})

test('it is given up when nobody wants it any more', async () => {
  const reason = new Error('not wanted')
  await assert.rejects(work({ movesUntil: 20_000, endsAt: 40_000 })(AbortSignal.abort(reason)), reason)
})
