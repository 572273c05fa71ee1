import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { makeCacheKey, shardPrefix } from './cache-key.ts'
import type { Json } from './json.ts'

test('a key is its name and the JSON of its arguments, the short way too', () => {
  const plain = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: false }),
    fc.string(),
    fc.stringMatching(/^[\w-]*$/),
  )
  const args = fc.array(fc.oneof(plain, fc.jsonValue() as fc.Arbitrary<Json>), { maxLength: 3 })
  fc.assert(
    fc.property(args, (given) => {
      assert.equal(makeCacheKey('card', given as Json[]).text, `card${JSON.stringify(given)}`)
    }),
    { numRuns: 2_000 },
  )
  assert.equal(makeCacheKey('card', [-0]).text, 'card[0]')
})

test('the texts of two shards never meet', () => {
  const prefixes = [
    shardPrefix('home'),
    shardPrefix({ bucket: 1, tag: 23 }),
    shardPrefix({ bucket: 12, tag: 3 }),
  ]
  for (const one of prefixes) for (const other of prefixes) assert.ok(one === other || !one.startsWith(other))
})
