import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CacheKeyInvalid } from '../core/cache-key.ts'
import { CacheNesting, CacheValueInvalid } from './errors.ts'
import { gate, settle } from './fixtures/bench.ts'
import { ManualClock } from './fixtures/manual-clock.ts'
import { MemoryPlainCache } from './plain.ts'

const make = (bytesMax = 1e6) => {
  const clock = new ManualClock()
  return { clock, cache: new MemoryPlainCache({ bytesMax, clock }) }
}

test('values live for their time, as JSON', async () => {
  const { clock, cache } = make()
  await cache.set('a', { at: new Date(0) }, '1s')
  assert.deepEqual(await cache.get('a'), { at: '1970-01-01T00:00:00.000Z' })
  clock.advance(999)
  assert.notEqual(await cache.get('a'), undefined)
  clock.advance(1)
  assert.equal(await cache.get('a'), undefined)
  await cache.set('a', 1, 1_000)
  await cache.delete('a')
  assert.equal(await cache.get('a'), undefined)
})

test('what cannot be kept is refused', async () => {
  const { cache } = make()
  await assert.rejects(cache.set('a', 1n, '1s'), CacheValueInvalid)
  await assert.rejects(cache.set('a'.repeat(1_001), 1, '1s'), CacheKeyInvalid)
  await assert.rejects(cache.set('a', 1, 'soon' as never), RangeError)
  await assert.rejects(
    cache.through('a', '1s', async () => () => {}),
    CacheValueInvalid,
  )
})

test('through loads once for all who wait; null counts, and errors reach everybody and are not kept', async () => {
  const { cache } = make()
  let loads = 0
  const paused = gate()
  const load = async () => {
    loads++
    await paused.promise
    return null
  }
  const values = Promise.all([cache.through('a', '1s', load), cache.through('a', '1s', load)])
  await settle()
  paused.open()
  assert.deepEqual(await values, [null, null])
  assert.equal(await cache.through('a', '1s', load), null)
  assert.equal(loads, 1)
  const broken = new Error('broken')
  const failing = [cache.through('b', '1s', () => Promise.reject(broken)), cache.through('b', '1s', load)]
  for (const outcome of await Promise.allSettled(failing))
    assert.equal(outcome.status === 'rejected' && outcome.reason, broken)
  assert.equal(await cache.through('b', '1s', async () => 'fine'), 'fine')
})

test('what was set or deleted while a load ran is not overwritten by it', async () => {
  const { cache } = make()
  for (const change of [() => cache.set('a', 'set', '1m'), () => cache.delete('a')]) {
    const paused = gate()
    const loading = cache.through('a', '1m', async () => {
      await paused.promise
      return 'loaded'
    })
    await settle()
    await change()
    paused.open()
    assert.equal(await loading, 'loaded')
    assert.notEqual(await cache.get('a'), 'loaded')
    await cache.delete('a')
  }
})

test('it stays within its bytes; one large value is not kept', async () => {
  const { cache } = make(100_000)
  for (let n = 0; n < 5_000; n++) await cache.set(`key ${n}`, 'x'.repeat(n % 200), '1m')
  assert.ok(cache.bytes <= 100_000 && cache.size > 100)
  await cache.set('large', 'x'.repeat(10_000), '1m')
  assert.equal(await cache.get('large'), undefined)
})

test('a load with no proper time to live is refused, and does not stand in the way of the next', async () => {
  const { cache } = make()
  for (const ttl of [-1, Number.NaN, 'soon' as never])
    await assert.rejects(
      cache.through('a', ttl, async () => 1),
      RangeError,
    )
  assert.equal(await cache.through('a', '1s', async () => 2), 2)
})

test('a load that waits for itself is an error, directly, through others, and through those of other callers', async () => {
  const { cache } = make()
  const through = (key: string, load: () => Promise<unknown>) => cache.through(key, '1m', load)
  await assert.rejects(
    through('a', () => through('a', async () => 1)),
    CacheNesting,
  )
  await assert.rejects(
    through('a', () => through('b', () => through('a', async () => 1))),
    CacheNesting,
  )
  const [a, b] = [gate(), gate()]
  const crossed = Promise.allSettled([
    through('a', async () => {
      await a.promise
      return through('b', async () => 1)
    }),
    through('b', async () => {
      await b.promise
      return through('a', async () => 1)
    }),
  ])
  a.open()
  await settle()
  b.open()
  for (const outcome of await crossed)
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof CacheNesting)
  // What went wrong is not kept, and two that want the same part do not wait for themselves.
  const part = () => through('part', async () => 'part')
  assert.deepEqual(await Promise.all([through('a', part), through('b', part)]), ['part', 'part'])
})

test('what began inside a load and goes on after it may load the same again', async () => {
  const { cache } = make()
  const later = gate()
  let after: Promise<unknown> | undefined
  await cache.through('a', '1m', async () => {
    after = later.promise.then(() => cache.through('a', '1m', async () => 'new'))
    return 'old'
  })
  await cache.delete('a')
  later.open()
  assert.equal(await after, 'new')
})
