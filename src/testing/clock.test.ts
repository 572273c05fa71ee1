import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestClock } from './clock.ts'

test('time passes by itself and jumps when put forward', async () => {
  const clock = new TestClock()
  const before = clock.now()
  const monotonic = clock.monotonic()
  await clock.advance(86_400_000)
  assert(clock.now() - before >= 86_400_000 && clock.now() - before < 86_460_000)
  assert(clock.monotonic() - monotonic >= 86_400_000)
  await clock.sleep(1)
  assert(clock.monotonic() - monotonic > 86_400_001)
  await assert.rejects(clock.advance(-1), RangeError)
})

test('what falls due on the way wakes in order, at its time, also what it starts anew', async () => {
  const clock = new TestClock()
  const start = clock.monotonic()
  const woken: [string, number][] = []
  const wake = (name: string) => (): void =>
    void woken.push([name, Math.round((clock.monotonic() - start) / 1000)])
  const tick = (): void => {
    wake('tick')()
    clock.timer(20_000, tick)
  }
  clock.timer(20_000, tick)
  clock.timer(50_000, wake('late'))
  const cancelled = clock.timer(30_000, wake('cancelled'))
  cancelled.cancel()
  const slept = clock.sleep(30_000).then(wake('slept'))
  clock.timer(90_000, wake('beyond'))
  await clock.advance(70_000)
  await slept
  assert.deepEqual(woken, [
    ['tick', 20],
    ['slept', 30],
    ['tick', 40],
    ['late', 50],
    ['tick', 60],
  ])
  assert.equal(clock.pending, 2)
})

test('a sleep ends by itself, and by its signal', async () => {
  const clock = new TestClock()
  await clock.sleep(1)
  const abort = new AbortController()
  const sleeping = clock.sleep(1_000_000, { signal: abort.signal })
  abort.abort(new Error('enough'))
  await assert.rejects(sleeping, /enough/)
  await assert.rejects(clock.sleep(1, { signal: abort.signal }), /enough/)
  assert.equal(clock.pending, 0)
})
