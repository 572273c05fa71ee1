import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CacheKeyElsewhere, CacheStale } from './errors.ts'
import { CacheBench, keyOf, placeOf, settle, TestSession } from './fixtures/bench.ts'

const KEY = keyOf('card', 12)

/** A row that a work reads, and the level's position that moves when it is asked for. */
function audited() {
  const bench = new CacheBench({ audit: true })
  const row: { name: string } = { name: 'old' }
  const demanded = bench.demand.bind(bench)
  bench.demand = (cluster, lsn) => {
    demanded(cluster, lsn)
    if (lsn > 0n) setImmediate(() => bench.advance(1n))
  }
  return { bench, row, read: () => bench.get(KEY, () => ({ ...row })) }
}

test('hits that are as their loader gives pass, in whatever order their properties come', async () => {
  const { bench, read } = audited()
  await read()
  await read()
  assert.equal(bench.loads, 2)
  await bench.get(keyOf('pair'), () => ({ a: 1, b: 2 }))
  assert.deepEqual(await bench.get(keyOf('pair'), () => ({ b: 2, a: 1 })), { a: 1, b: 2 })
})

test('a forgotten invalidation is named, with the difference', async () => {
  const { bench, row, read } = audited()
  await read()
  bench.flush += 10n
  row.name = 'new'
  await assert.rejects(read(), (error: CacheStale) => {
    assert.ok(error instanceof CacheStale)
    assert.match(error.message, /card\[12\].*cached .*"old".*loaded .*"new"/)
    return true
  })
})

test('a session that may not have the value does not hide it from the audit', async () => {
  const { bench, row, read } = audited()
  await read()
  bench.flush += 10n
  row.name = 'new'
  const session = new TestSession()
  session.wrote('c0', { lsn: bench.flush, timeline: 1 })
  await assert.rejects(
    bench.get(KEY, () => ({ ...row }), {}, { session }),
    CacheStale,
  )
})

test('a loader that fails now is a difference, too', async () => {
  const { bench, read } = audited()
  await read()
  await assert.rejects(
    bench.get(KEY, () => Promise.reject(new Error('no such row'))),
    /its loader fails now: no such row/,
  )
})

test('an invalidation that arrives before the position passes explains it', async () => {
  const { bench, row, read } = audited()
  await read()
  bench.flush += 10n
  row.name = 'new'
  bench.demand = () => {
    bench.invalidate(KEY)
    setImmediate(() => bench.advance(1n))
  }
  assert.deepEqual(await read(), { name: 'old' })
  assert.deepEqual(await read(), { name: 'new' })
})

test('a transaction that is about to commit explains it', async () => {
  const { bench, row, read } = audited()
  await read()
  bench.flush += 10n
  const text = bench.place.prefix + KEY.text
  const reading = bench.get(KEY, () => {
    bench.cache.level.hold('c0', [text])
    return { ...row, name: 'new' }
  })
  assert.deepEqual(await reading, { name: 'old' })
})

test('without a position nothing can be said, and nothing is', async () => {
  const { bench, row, read } = audited()
  await read()
  bench.flush += 10n
  row.name = 'new'
  bench.demand = () => {}
  const reading = read()
  await settle()
  bench.clock.advance(5_000)
  assert.deepEqual(await reading, { name: 'old' })
})

test('a key that is invalidated under another shard is found', async () => {
  const { bench, row, read } = audited()
  await read()
  bench.flush += 10n
  row.name = 'new'
  bench.invalidate(KEY, bench.flush, placeOf({ bucket: 9, tag: 1 }))
  await assert.rejects(read(), (error: CacheKeyElsewhere) => {
    assert.ok(error instanceof CacheKeyElsewhere)
    assert.match(error.message, /cached in the shard 5\.77 but was invalidated in the shard 9\.1/)
    return true
  })
})

test('cached parts inside a loader are loaded anew for the comparison', async () => {
  const { createContextStorage } = await import('../core/context.ts')
  const bench = new CacheBench({ audit: true, storage: createContextStorage() })
  bench.demand = () => setImmediate(() => bench.advance(1n))
  let part = 'old'
  const page = () => bench.get(keyOf('page'), () => bench.get(keyOf('part'), () => part))
  await page()
  bench.flush += 10n
  part = 'new'
  await assert.rejects(page(), CacheStale)
})
