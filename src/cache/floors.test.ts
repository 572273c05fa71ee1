import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Floors } from './floors.ts'

const KEEP_MS = 1_000

test('a floor never falls and is kept as long as a fill may take, however many there are', () => {
  const step = fc.record({ key: fc.nat(40), lsn: fc.nat(1_000), wait: fc.nat(600) })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 200 }),
      fc.integer({ min: 300, max: 6_000 }),
      (steps, bytesMax) => {
        let now = 0
        const floors = new Floors({ keepMs: KEEP_MS, bytesMax }, now)
        const raised: { key: string; lsn: bigint; at: number }[] = []
        for (const { key, lsn, wait } of steps) {
          now += wait
          floors.raise(`key ${key}`, BigInt(lsn), now)
          raised.push({ key: `key ${key}`, lsn: BigInt(lsn), at: now })
          assert.ok(floors.bytes <= bytesMax, `${floors.bytes} of ${bytesMax}`)
          for (const one of raised)
            if (now - one.at <= KEEP_MS) assert.ok(floors.of(one.key) >= one.lsn, `${one.key} ${one.lsn}`)
        }
      },
    ),
    { numRuns: 2_000 },
  )
})

test('a floor that grew old early for want of room is still kept for its time', () => {
  const floors = new Floors({ keepMs: KEEP_MS, bytesMax: 300 }, 0)
  floors.raise('a', 5n, 900)
  floors.raise('b', 1n, 950)
  floors.raise('c', 1n, 960)
  floors.raise('d', 1n, 1_000)
  assert.ok(floors.of('a') >= 5n)
})

test('floors end: a key that was invalidated long ago has none', () => {
  const floors = new Floors({ keepMs: KEEP_MS, bytesMax: 1e6 }, 0)
  floors.raise('a', 5n, 0)
  floors.raise('b', 6n, 1_000)
  floors.raise('b', 7n, 2_000)
  assert.deepEqual([floors.of('a'), floors.of('b'), floors.base], [-1n, 7n, -1n])
  floors.raise('c', 8n, 9_000)
  assert.deepEqual([floors.of('b'), floors.size], [-1n, 1])
})

test('for want of room the highest that goes becomes the floor of every key', () => {
  const floors = new Floors({ keepMs: KEEP_MS, bytesMax: 1_000 }, 0)
  for (let n = 0; n < 100; n++) floors.raise(`key ${n}`, BigInt(n), 0)
  assert.ok(floors.base > 80n && floors.size < 10)
  assert.equal(floors.of('never invalidated'), floors.base)
})
