import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CacheKeyInvalid } from '../core/cache-key.ts'
import { type ContextStorage, createContextStorage, detachedContext } from '../core/context.ts'
import { silentLogger } from '../core/log.ts'
import { CachedInWrite, CacheNesting, CacheValueInvalid } from './errors.ts'
import { CacheBench, gate, keyOf, placeOf, settle, TestSession, TestTimedOut } from './fixtures/bench.ts'

const KEY = keyOf('card', 12)
/** The level has applied everything, and the next load begins past all floors. */
const quiet = (bench: CacheBench): void => bench.advance(10n)

describe('hits', () => {
  test('a hit gives what the miss gave, and loads nothing', async () => {
    const bench = new CacheBench()
    const load = () => ({ at: new Date(0), gone: undefined, list: [{ n: 1 }] })
    const first = await bench.get(KEY, load)
    const second = await bench.get(KEY, load)
    assert.deepEqual(first, { at: '1970-01-01T00:00:00.000Z', list: [{ n: 1 }] })
    assert.equal(second, first)
    assert.equal(bench.loads, 1)
  })

  test('what callers share is frozen all through', async () => {
    const bench = new CacheBench()
    const value = (await bench.get(KEY, () => ({ list: [{ n: 1 }] }))) as { list: { n: number }[] }
    assert.throws(() => value.list.push({ n: 2 }), TypeError)
    assert.throws(() => Object.assign(value.list[0] as object, { n: 2 }), TypeError)
  })

  for (const nothing of [undefined, null])
    test(`${nothing} is a value`, async () => {
      const bench = new CacheBench()
      assert.equal(await bench.get(KEY, () => nothing), nothing)
      assert.equal(await bench.get(KEY, () => 'another'), nothing)
      assert.equal(bench.loads, 1)
    })

  test('a key counts within its shard', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => 'one')
    const other = await bench.get(KEY, () => 'two', {}, { place: placeOf({ bucket: 5, tag: 78 }) })
    const home = await bench.get(KEY, () => 'three', {}, { place: placeOf('home') })
    assert.deepEqual([other, home], ['two', 'three'])
  })

  test('a move of the bucket empties it', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => 'source')
    bench.epoch++
    assert.equal(await bench.get(KEY, () => 'target'), 'target')
  })

  test('a load during which the bucket moved is not stored', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => {
      bench.epoch++
      return 'either'
    })
    bench.epoch--
    await bench.get(KEY, () => 'again')
    assert.equal(bench.loads, 2)
  })

  test('what JSON cannot hold is an error for everybody', async () => {
    const bench = new CacheBench()
    await assert.rejects(
      bench.get(KEY, () => 1n),
      CacheValueInvalid,
    )
    await assert.rejects(
      bench.get(KEY, () => () => 1),
      CacheValueInvalid,
    )
    await assert.rejects(
      bench.get(keyOf('card', 'x'.repeat(2_000)), () => 1),
      CacheKeyInvalid,
    )
  })

  test('inside a write it is refused', async () => {
    const bench = new CacheBench()
    const write = { markerId: 'm', name: 'publish', idsDrawn: 0 }
    const context = { ...detachedContext('r', silentLogger), write }
    await assert.rejects(
      bench.run(context, () => bench.cache.guaranteed.cached(bench.place, KEY, {}, async () => 1)),
      CachedInWrite,
    )
  })
})

describe('the level may answer', () => {
  test('a session whose token the position has strictly passed', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => 'old')
    bench.advance(10n)
    const session = new TestSession()
    session.wrote('c0', { lsn: bench.flush, timeline: 1 })
    assert.equal(await bench.get(KEY, () => 'new', {}, { session }), 'new')
    assert.ok(bench.demands.includes(110n))
    const behind = new TestSession()
    behind.wrote('c0', { lsn: bench.flush - 1n, timeline: 1 })
    await bench.get(KEY, () => 'newer', {}, { session: behind })
    assert.equal(bench.loads, 2)
  })

  test('a session whose token lies before the value was read', async () => {
    const bench = new CacheBench()
    bench.flush += 50n
    await bench.get(KEY, () => 'value')
    const session = new TestSession()
    session.wrote('c0', { lsn: bench.flush - 1n, timeline: 1 })
    assert.equal(await bench.get(KEY, () => 'another', {}, { session }), 'value')
    session.wrote('c0', { lsn: bench.flush, timeline: 1 })
    assert.equal(await bench.get(KEY, () => 'another', {}, { session }), 'another')
  })

  test('nobody of another timeline', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => 'value')
    const session = new TestSession()
    session.wrote('c0', { lsn: 1n, timeline: 2 })
    assert.equal(await bench.get(KEY, () => 'another', {}, { session }), 'another')
  })

  test('nobody when its position is older than the bound', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => 'one')
    bench.clock.advance(1_000)
    assert.equal(await bench.get(KEY, () => 'two'), 'one')
    bench.clock.advance(1)
    assert.equal(await bench.get(KEY, () => 'three'), 'three')
    assert.equal(await bench.count('cache_reads_total', 'age'), 1)
    bench.advance()
    await bench.get(KEY, () => 'four')
    assert.equal(bench.loads, 2)
  })

  test('nobody while a transaction is about to change the key, also over a reset', async () => {
    const bench = new CacheBench()
    const text = bench.place.prefix + KEY.text
    await bench.get(KEY, () => 'one')
    bench.cache.level.hold('c0', [text])
    bench.cache.level.hold('c0', [text])
    assert.equal(await bench.get(KEY, () => 'two'), 'two')
    bench.cache.level.release('c0', [text])
    bench.cache.level.reset('c0')
    bench.advance()
    assert.equal(await bench.get(KEY, () => 'three'), 'three')
    bench.cache.level.release('c0', [text])
    assert.equal(await bench.get(KEY, () => 'four'), 'four')
    assert.equal(await bench.get(KEY, () => 'five'), 'four')
  })

  test('a reset forgets values, a new timeline too', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => 'one')
    bench.cache.level.reset('c0')
    bench.advance()
    assert.equal(await bench.get(KEY, () => 'two'), 'two')
    bench.timeline++
    bench.advance()
    assert.equal(await bench.get(KEY, () => 'three'), 'three')
    assert.equal(bench.cache.level.size, 1)
  })
})

describe('what a value contains counts for its session', () => {
  test('as long as the level has not strictly passed it', async () => {
    const bench = new CacheBench()
    bench.flush += 5n
    const session = new TestSession()
    await bench.get(KEY, () => 'value', {}, { session })
    assert.deepEqual(session.of('c0'), { lsn: 105n, timeline: 1 })
    assert.ok(bench.demands.includes(105n))
    const second = new TestSession()
    await bench.get(KEY, () => 'value', {}, { session: second })
    assert.deepEqual(second.of('c0'), { lsn: 105n, timeline: 1 })
    bench.advance(1n)
    const third = new TestSession()
    await bench.get(KEY, () => 'value', {}, { session: third })
    assert.equal(third.of('c0'), undefined)
    assert.equal(bench.loads, 1)
  })

  test('a read elsewhere may not go back behind it', async () => {
    const bench = new CacheBench()
    const other = keyOf('card', 13)
    await bench.get(other, () => 'old')
    bench.flush += 5n
    const session = new TestSession()
    await bench.get(KEY, () => 'value', {}, { session })
    assert.equal(await bench.get(other, () => 'new', {}, { session }), 'new')
  })
})

describe('fills', () => {
  test('case 20: one that was paused over an invalidation is not stored', async () => {
    const bench = new CacheBench()
    const paused = gate()
    const before = bench.get(KEY, async () => {
      await paused.promise
      return 'old'
    })
    await settle()
    bench.flush += 10n
    bench.invalidate(KEY)
    paused.open()
    assert.equal(await before, 'old')
    quiet(bench)
    assert.equal(await bench.get(KEY, () => 'new'), 'new')
    assert.equal(await bench.count('cache_loads_total', 'floor'), 1)
  })

  test('one that was paused over a doubt is not stored', async () => {
    const bench = new CacheBench()
    const text = bench.place.prefix + KEY.text
    await bench.get(KEY, async () => {
      bench.cache.level.hold('c0', [text])
      bench.cache.level.release('c0', [text])
      return 'old'
    })
    assert.equal(await bench.get(KEY, () => 'new'), 'new')
  })

  test('one that began at the floor is not stored, and a later position is asked for', async () => {
    const bench = new CacheBench()
    bench.invalidate(KEY)
    await bench.get(KEY, () => 'one')
    assert.ok(bench.demands.includes(100n))
    await bench.get(KEY, () => 'two')
    bench.advance(1n)
    await bench.get(KEY, () => 'three')
    assert.equal(await bench.get(KEY, () => 'four'), 'three')
  })

  test('one that was paused over a reset, or longer than floors are kept, is not stored', async () => {
    const bench = new CacheBench()
    await bench.get(KEY, () => {
      bench.cache.level.reset('c0')
      bench.advance()
      return 'old'
    })
    await bench.get(
      KEY,
      () => {
        bench.clock.advance(60_001)
        bench.advance()
        return 'late'
      },
      { deadlineMs: 100_000 },
    )
    assert.equal(await bench.get(KEY, () => 'new'), 'new')
    assert.equal(await bench.count('cache_loads_total', 'reset'), 1)
    assert.equal(await bench.count('cache_loads_total', 'late'), 1)
  })

  test('an older value does not replace a newer one', async () => {
    const bench = new CacheBench()
    const paused = gate()
    const old = bench.get(KEY, async () => {
      await paused.promise
      return 'old'
    })
    await settle()
    bench.advance(10n)
    const session = new TestSession()
    session.wrote('c0', { lsn: 105n, timeline: 1 })
    // The second asker would have to wait for the first; another key's worth of floors makes it load on its own.
    bench.invalidate(KEY, 90n)
    assert.equal(await bench.get(KEY, () => 'new', {}, { session }), 'new')
    paused.open()
    await old
    assert.equal(await bench.get(KEY, () => 'newest'), 'new')
    assert.equal(await bench.count('cache_loads_total', 'older'), 1)
  })

  test('work without a query is as old as the position', async () => {
    const bench = new CacheBench()
    bench.load = async (_place, work) => work({} as never)
    await bench.get(KEY, () => 'value')
    assert.equal(bench.cache.inspectKey('card[12]').copies[0]?.from, '0/64')
    bench.invalidate(KEY, 100n)
    assert.equal(await bench.get(KEY, () => 'again'), 'again')
  })
})

describe('waiters', () => {
  test('case 24: a storm of misses loads once', async () => {
    const bench = new CacheBench()
    const paused = gate()
    const asks = Array.from({ length: 1_000 }, () =>
      bench.get(KEY, async () => {
        await paused.promise
        return { n: 1 }
      }),
    )
    await settle()
    paused.open()
    const values = await Promise.all(asks)
    assert.equal(bench.loads, 1)
    assert.ok(values.every((value) => value === values[0]))
  })

  test('whoever comes after an invalidation gets a later load', async () => {
    const bench = new CacheBench()
    const paused = gate()
    const early = bench.get(KEY, async () => {
      await paused.promise
      return 'old'
    })
    await settle()
    bench.flush += 10n
    bench.invalidate(KEY)
    const late = await bench.get(KEY, () => 'new')
    paused.open()
    assert.deepEqual([await early, late], ['old', 'new'])
  })

  test('a session that has seen more than the load gets a later one, shared by all such', async () => {
    const bench = new CacheBench()
    const paused = gate()
    const early = bench.get(KEY, async () => {
      await paused.promise
      return 'old'
    })
    await settle()
    bench.flush += 10n
    const asks = Array.from({ length: 10 }, () => {
      const session = new TestSession()
      session.wrote('c0', { lsn: bench.flush, timeline: 1 })
      return bench.get(KEY, () => 'new', {}, { session })
    })
    const anybody = bench.get(KEY, () => 'new')
    await settle()
    paused.open()
    assert.deepEqual(await Promise.all(asks), Array(10).fill('new'))
    assert.deepEqual([await early, await anybody], ['old', 'old'])
    assert.equal(bench.loads, 2)
  })

  test("a loader's error reaches every waiter and is not cached", async () => {
    const bench = new CacheBench()
    const failing = gate()
    const asks = Array.from({ length: 5 }, () => bench.get(KEY, () => failing.promise))
    await settle()
    const broken = new Error('broken')
    failing.fail(broken)
    for (const outcome of await Promise.allSettled(asks))
      assert.equal(outcome.status === 'rejected' && outcome.reason, broken)
    assert.equal(bench.loads, 1)
    assert.equal(await bench.get(KEY, () => 'fine'), 'fine')
  })

  test('a loader that hangs ends at the deadline of each; what it gives later is lost', async () => {
    const bench = new CacheBench()
    const hanging = gate<string>()
    const first = bench.get(KEY, () => hanging.promise, { deadlineMs: 500 })
    const hasty = bench.get(KEY, () => 'unused', { deadlineMs: 100 })
    const patient = bench.get(KEY, () => 'unused', { deadlineMs: 5_000 })
    const outcomes = Promise.allSettled([first, hasty, patient])
    await settle()
    bench.clock.advance(100)
    await assert.rejects(hasty, TestTimedOut)
    bench.clock.advance(400)
    for (const outcome of await outcomes) assert.equal(outcome.status, 'rejected')
    hanging.open('late')
    await settle()
    assert.equal(await bench.get(KEY, () => 'fine'), 'fine')
    const failing = gate<string>()
    const second = bench.get(keyOf('card', 1), () => failing.promise, { deadlineMs: 5 })
    await settle()
    bench.clock.advance(5)
    await assert.rejects(second, TestTimedOut)
    failing.fail(new Error('late'))
    await settle()
    assert.equal(bench.clock.pending, 0)
  })
})

describe('times to live', () => {
  test('up to a tenth is taken off by chance', async () => {
    const bench = new CacheBench()
    for (let n = 0; n < 200; n++) await bench.get(keyOf('card', n), () => n, { ttl: '10s' })
    bench.clock.advance(9_000)
    bench.advance()
    for (let n = 0; n < 200; n++) await bench.get(keyOf('card', n), () => n, { ttl: '10s' })
    assert.equal(bench.loads, 200)
    bench.clock.advance(500)
    bench.advance()
    for (let n = 0; n < 200; n++) await bench.get(keyOf('card', n), () => n, { ttl: '10s' })
    assert.ok(bench.loads > 250 && bench.loads < 350, String(bench.loads))
    bench.clock.advance(500)
    bench.advance()
  })

  test('stale: the old value is given while one caller loads the new one', async () => {
    const bench = new CacheBench()
    const options = { ttl: '1s', stale: '10s' } as const
    await bench.get(KEY, () => 'old', options)
    bench.clock.advance(1_500)
    bench.advance()
    const paused = gate()
    const load = async () => {
      await paused.promise
      return 'new'
    }
    const given = [bench.get(KEY, load, options), bench.get(KEY, load, options)]
    assert.deepEqual(await Promise.all(given), ['old', 'old'])
    paused.open()
    await settle()
    assert.equal(await bench.get(KEY, load, options), 'new')
    assert.equal(bench.loads, 2)
  })

  test('stale: a load that fails is nobody’s answer; beyond the time it is', async () => {
    const bench = new CacheBench()
    const options = { ttl: '1s', stale: '10s' } as const
    await bench.get(KEY, () => 'old', options)
    bench.clock.advance(1_500)
    bench.advance()
    const fail = () => Promise.reject(new Error('broken'))
    assert.equal(await bench.get(KEY, fail, options), 'old')
    await settle()
    bench.clock.advance(10_000)
    bench.advance()
    await assert.rejects(bench.get(KEY, fail, options), /broken/)
  })

  test('stale: never after an invalidation', async () => {
    const bench = new CacheBench()
    const options = { ttl: '1s', stale: '10s' } as const
    await bench.get(KEY, () => 'old', options)
    bench.clock.advance(1_500)
    bench.advance()
    bench.flush += 1n
    bench.invalidate(KEY)
    assert.equal(await bench.get(KEY, () => 'new', options), 'new')
  })
})

describe('cached inside a loader', () => {
  const outer = keyOf('page', 1)
  const inner = keyOf('part', 1)
  const bench = (): CacheBench & { storage: ContextStorage } => {
    const storage = createContextStorage()
    return Object.assign(new CacheBench({ storage }), { storage })
  }

  test('the whole is as old as its oldest part', async () => {
    const b = bench()
    await b.get(inner, () => 'part')
    b.advance(10n)
    await b.get(outer, () => b.get(inner, () => 'unused'))
    assert.equal(b.cache.inspectKey('page[1]').copies[0]?.from, '0/64')
    // A commit at 105 that another process made: both keys are invalidated, though the whole began at 110.
    b.invalidate(outer, 105n)
    assert.equal(await b.get(outer, () => 'new'), 'new')
  })

  test('a part of another shard, and a circle, are refused', async () => {
    const b = bench()
    const place = placeOf({ bucket: 6, tag: 1 })
    await assert.rejects(
      b.get(outer, () => b.get(inner, () => 1, {}, { place })),
      CacheNesting,
    )
    await assert.rejects(
      b.get(outer, () => b.get(inner, () => b.get(outer, () => 1))),
      CacheNesting,
    )
  })
})

test('bytes: a churn of 100,000 keys stays within the bound, and hot keys are known', async () => {
  const bench = new CacheBench({ bytesMax: 2 ** 20 })
  const hot = keyOf('hot', 1)
  for (let n = 0; n < 100_000; n++) {
    await bench.get(keyOf('card', n), () => ({ n, text: 'x'.repeat(n % 300) }))
    if (n % 3 === 0) await bench.get(hot, () => 'hot')
    if (n % 7 === 0) bench.invalidate(keyOf('card', n), bench.flush - 1n)
    if (n % 1000 === 0) assert.ok(bench.cache.level.bytes <= 2 ** 20, String(bench.cache.level.bytes))
  }
  const report = bench.cache.inspect()
  assert.ok(report.bytes <= 2 ** 20 && report.entries > 500)
  assert.equal(report.hotKeys[0]?.key, `${bench.place.prefix}hot[1]`)
  // Older reads have been halved.
  assert.ok((report.hotKeys[0]?.reads ?? 0) > 10_000)
  assert.equal(bench.loads, 100_001)
  assert.ok((await bench.count('cache_loads_total', 'stored')) === 100_001)
})
