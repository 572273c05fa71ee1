import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createContextStorage } from '../core/context.ts'
import { CacheNesting } from './errors.ts'
import { CacheBench, gate, keyOf, settle } from './fixtures/bench.ts'

const [one, two] = [keyOf('one', 1), keyOf('two', 1)]

test('two loads of different callers that wait for each other are refused, not left until their deadline', async () => {
  const bench = new CacheBench({ storage: createContextStorage() })
  const paused = [gate(), gate()]
  const crossed = Promise.allSettled([
    bench.get(one, async () => {
      await paused[0]!.promise
      return bench.get(two, () => 2)
    }),
    bench.get(two, async () => {
      await paused[1]!.promise
      return bench.get(one, () => 1)
    }),
  ])
  for (const { open } of paused) {
    open()
    await settle()
  }
  for (const outcome of await crossed)
    assert.ok(outcome.status === 'rejected' && outcome.reason instanceof CacheNesting)
  assert.equal(await bench.get(one, () => 'later'), 'later')
})

test('parts that are shared by loads beside each other are not in their way', async () => {
  const bench = new CacheBench({ storage: createContextStorage() })
  const part = keyOf('part', 1)
  const paused = gate()
  const load = async () => {
    await paused.promise
    return 'part'
  }
  const whole = async () => {
    const inner = bench.get(two, () => bench.get(part, load))
    return Promise.all([bench.get(part, load), inner])
  }
  const both = Promise.all([bench.get(one, whole), bench.get(two, () => bench.get(part, load))])
  await settle()
  paused.open()
  assert.deepEqual(await both, [['part', 'part'], 'part'])
})
