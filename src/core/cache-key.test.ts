import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { CacheKeyInvalid, makeCacheKey, shardPrefix } from './cache-key.ts'
import type { Json } from './json.ts'

test('a key is its name and the JSON of its arguments, the short way too', () => {
  const plain = fc.oneof(
    fc.integer(),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
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

test('what JSON would give the text of another argument is refused, at any depth', () => {
  const circle: unknown[] = []
  circle.push(circle)
  const untold = [
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    undefined,
    () => 1,
    Symbol('s'),
    1n,
    new Date(Number.NaN),
    new Map([[1, 2]]),
    /x/,
    circle,
  ]
  for (const one of untold)
    for (const args of [[one], [1, one], [[one]], [{ of: one }]])
      assert.throws(() => makeCacheKey('card', args as Json[]), CacheKeyInvalid)
  assert.throws(() => makeCacheKey('card', new Array(1) as Json[]), CacheKeyInvalid)
  assert.equal(makeCacheKey('card', [null]).text, 'card[null]')
  assert.equal(makeCacheKey('card', [new Date(0)] as never).text, 'card["1970-01-01T00:00:00.000Z"]')
})

test('the texts of two shards never meet', () => {
  const prefixes = [
    shardPrefix('home'),
    shardPrefix({ bucket: 1, tag: 23 }),
    shardPrefix({ bucket: 12, tag: 3 }),
  ]
  for (const one of prefixes) for (const other of prefixes) assert.ok(one === other || !one.startsWith(other))
})
