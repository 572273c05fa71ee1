import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { systemClock } from '../../core/clock.ts'
import { silentLogger } from '../../core/log.ts'
import type { SystemStore } from '../../core/ports.ts'
import { systemRandom } from '../../core/random.ts'
import { fixture } from '../../data/client/fixtures/fixture.ts'
import { systemStore } from '../../data/client/system-store.ts'
import { TestClock } from '../../testing/clock.ts'
import { send, site } from '../fixtures/site.ts'
import { advance, decisionOf } from './gcra.ts'
import { WebLimits } from './limits.ts'
import { LocalLimiter } from './local.ts'

async function start(t: TestContext, clusters = 1) {
  const data = await fixture(t, { clusters })
  const store = systemStore(data.client, systemRandom(), data.storage)
  const limits = new WebLimits({ store, clock: systemClock, log: silentLogger, storeMsMax: 20_000 })
  /** As another web node has it. */
  const another = async () => {
    const client = await data.another()
    const other = systemStore(client, systemRandom(), data.storage)
    return new WebLimits({ store: other, clock: systemClock, log: silentLogger, storeMsMax: 20_000 })
  }
  return { data, store, limits, another }
}

/** So slow that nothing comes back while a test runs. */
const slow = { max: 10, windowSeconds: 86_400 }

type Take = (node: number, key: string) => Promise<boolean>

/** How many of fifty events at once, spread over three nodes, are let in. */
async function race(take: Take, key: string): Promise<number> {
  const allowed = await Promise.all(Array.from({ length: 50 }, (_, i) => take(i % 3, key)))
  return allowed.filter(Boolean).length
}

for (const clusters of [1, 2])
  test(`fifty at once from three nodes never exceed the limit (FAULTS case 43), on ${clusters}`, async (t) => {
    const { limits, another } = await start(t, clusters)
    const nodes = [limits, await another(), await another()]
    const take: Take = async (node, key) => {
      const { allowed, retryAfterSeconds } = await nodes[node]!.take(key, slow)
      assert.equal(allowed, retryAfterSeconds === 0)
      return allowed
    }
    for (const round of [1, 2, 3]) assert.equal(await race(take, `race ${round}`), 10)
  })

test('the race finds a limiter that looks before it counts', async (t) => {
  const { store } = await start(t)
  let looking = 50
  let allLooked = () => {}
  const looked = new Promise<void>((resolve) => {
    allLooked = resolve
  })
  const planted: Take = async (_, key) => {
    const hash = store.hash(key)
    const select = 'select extract(epoch from tat)::int as n from tenfold.limits where key = $1'
    const [row] = await store.read(hash, (db) => db.query<{ n: number }>(select, [key]))
    // The worst case of the race, every time: nobody counts before all have looked.
    if (--looking === 0) allLooked()
    await looked
    if ((row?.n ?? 0) >= slow.max) return false
    const count = `insert into tenfold.limits as l values ($1, $2, 0, to_timestamp(1))
      on conflict (key) do update set tat = l.tat + interval '1 second'`
    await store.apply(hash, { sql: count, params: [key, hash % 4096] })
    return true
  }
  assert.ok((await race(planted, 'planted')) > 10)
})

test('what remains, the wait, the cost and reset are told truly', async (t) => {
  const { limits } = await start(t, 2)
  const first = await limits.take('a', slow)
  assert.deepEqual(first, { allowed: true, remaining: 9, retryAfterSeconds: 0 })
  assert.equal((await limits.take('a', slow, 9)).remaining, 0)
  const denied = await limits.take('a', slow)
  assert.equal(denied.allowed, false)
  assert.ok(denied.retryAfterSeconds > 8_600 && denied.retryAfterSeconds <= 8_640)
  assert.equal((await limits.take('a', slow, 11)).allowed, false)
  assert.equal((await limits.take('b', slow, 11)).allowed, false)
  assert.equal((await limits.take('b', slow)).remaining, 9)
  assert.equal((await limits.take('c', { ...slow, burst: 1 })).allowed, true)
  assert.equal((await limits.take('c', { ...slow, burst: 1 })).allowed, false)
  await limits.reset('a')
  assert.equal((await limits.take('a', slow)).remaining, 9)
  await assert.rejects(limits.take('a', { max: 0, windowSeconds: 1 }), { code: 'TENFOLD_LIMIT_INVALID' })
  assert.equal((await limits.take(`long ${'x'.repeat(10_000)}\0`, slow)).allowed, true)
})

test('events come back at the even rate', async (t) => {
  const { limits } = await start(t)
  const pace = { max: 20, windowSeconds: 1, burst: 2 }
  const begun = performance.now()
  let allowed = 0
  while (performance.now() - begun < 500) if ((await limits.take('even', pace)).allowed) allowed++
  const seconds = (performance.now() - begun) / 1000
  assert.ok(allowed <= 2 + Math.ceil(seconds * 20), `${allowed} in ${seconds} s`)
  assert.ok(allowed >= 5, `${allowed}`)
})

test('a refused request is told its limit', async (t) => {
  const { limits } = await start(t)
  const { url } = await site(t, async () => {
    await limits.enforce('page', { max: 1, windowSeconds: 3_600 })
    return new Response('ok')
  })
  assert.equal((await send(url, '/')).status, 200)
  const reply = await send(url, '/')
  assert.equal(reply.status, 429)
  assert.equal(reply.headers['retry-after'], '3600')
  assert.equal(reply.headers['ratelimit-policy'], '"default";q=1;w=3600')
  assert.equal(reply.headers.ratelimit, '"default";r=0;t=3600')
})

test('without the store each node allows its share, and no fresh burst', async (t) => {
  const { store } = await start(t)
  const clock = new TestClock()
  let away = false
  const flaky: SystemStore = {
    ...store,
    apply: (hash, ...statements) =>
      away ? Promise.reject(new Error('The database is away')) : store.apply(hash, ...statements),
  }
  const limits = new WebLimits({ store: flaky, clock, log: silentLogger, nodes: () => 2 })
  for (let i = 0; i < 10; i++) await limits.take('used up', slow)
  away = true
  assert.equal((await limits.take('used up', slow)).allowed, false)
  const fresh = await Promise.all(Array.from({ length: 20 }, () => limits.take('fresh', slow)))
  assert.equal(fresh.filter(({ allowed }) => allowed).length, 5)
  away = false
  await clock.advance(2_000)
  assert.equal((await limits.take('shared again', slow)).remaining, 9)
})

test('a store that hangs is not waited for', async (t) => {
  const { store } = await start(t)
  const clock = new TestClock()
  const hangs: SystemStore = { ...store, apply: () => new Promise(() => {}) }
  const limits = new WebLimits({ store: hangs, clock, log: silentLogger })
  const decision = limits.take('a', slow)
  await clock.advance(1_000)
  assert.equal((await decision).remaining, 9)
})

test('old keys are swept, counting ones stay', async (t) => {
  const { limits, store } = await start(t)
  await limits.take('kept', slow)
  await limits.take('old', slow)
  const hash = store.hash('old')
  await store.apply(hash, {
    sql: `update tenfold.limits set tat = now() - interval '1 hour' where key = 'old'`,
  })
  await limits.sweep()
  const keys = await store.read(hash, (db) => db.query('select key from tenfold.limits'))
  assert.deepEqual(keys, [{ key: 'kept' }])
})

test('GCRA: in any stretch of time at most the burst and what the rate gives back', () => {
  const takes = fc.array(
    fc.record({ gapMs: fc.integer({ min: 0, max: 3_000 }), cost: fc.integer({ min: 1, max: 3 }) }),
  )
  fc.assert(
    fc.property(
      takes,
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 100, max: 2_000 }),
      (list, burst, intervalMs) => {
        const pace = { intervalMs, toleranceMs: burst * intervalMs }
        let now = 0
        let tat = 0
        const granted: { at: number; cost: number }[] = []
        for (const { gapMs, cost } of list) {
          now += gapMs
          const next = advance(tat - now, cost, pace)
          const decision = decisionOf(next !== undefined, next ?? tat - now, cost, pace)
          if (next === undefined) {
            // Waiting as told is enough, unless it never fits.
            const later = now + decision.retryAfterSeconds * 1000
            assert.ok(cost > burst || advance(tat - later, cost, pace) !== undefined)
            continue
          }
          tat = now + next
          granted.push({ at: now, cost })
          const since = granted.map((_, i) => granted.slice(i))
          for (const stretch of since) {
            const total = stretch.reduce((sum, one) => sum + one.cost, 0)
            assert.ok(total <= burst + (now - stretch[0]!.at) / intervalMs + 1e-9)
          }
        }
      },
    ),
  )
})

test('the local limiter forgets the least recently used of ten thousand keys', () => {
  const local = new LocalLimiter(systemClock)
  const pace = { intervalMs: 1e6, toleranceMs: 1e6 }
  for (let i = 0; i < 10_001; i++) assert.ok(local.take(String(i), 1, pace).allowed)
  assert.ok(!local.take('1', 1, pace).allowed)
  assert.ok(local.take('0', 1, pace).allowed)
})
