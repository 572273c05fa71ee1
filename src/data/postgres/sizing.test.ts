import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PostgresSizeInvalid } from './errors.ts'
import { defaultMemoryMb, MEMORY_MB_DEFAULT, MEMORY_MB_MIN, sizeSettings } from './sizing.ts'

const megabytes = (value: string | undefined): number => {
  assert.match(value!, /^\d+MB$/)
  return Number.parseInt(value!, 10)
}

test('a known size gives known settings', () => {
  const settings = sizeSettings({ cpu: 8, memoryMb: 16_384 })
  assert.equal(settings.shared_buffers, '4096MB')
  assert.equal(settings.effective_cache_size, '12288MB')
  assert.equal(settings.max_connections, '200')
  assert.equal(settings.max_parallel_workers, '8')
  assert.equal(settings.io_workers, '4')
})

test('the default is small: no idle reader processes on two processors', () => {
  const settings = sizeSettings({ cpu: 2, memoryMb: MEMORY_MB_DEFAULT })
  assert.equal(settings.shared_buffers, '128MB')
  assert.equal(settings.io_method, 'sync')
})

const size = fc.record({
  cpu: fc.double({ min: 0.1, max: 256, noNaN: true }),
  memoryMb: fc.integer({ min: MEMORY_MB_MIN, max: 1024 * 1024 }),
})

test('a small machine is not given away whole', () => {
  assert.equal(defaultMemoryMb(128), MEMORY_MB_MIN)
  assert.equal(defaultMemoryMb(1024), 256)
  assert.equal(defaultMemoryMb(64 * 1024), MEMORY_MB_DEFAULT)
})

test('every size gives settings that PostgreSQL accepts and that stay within the memory', () => {
  fc.assert(
    fc.property(size, ({ cpu, memoryMb }) => {
      const settings = sizeSettings({ cpu, memoryMb })
      const buffers = megabytes(settings.shared_buffers)
      assert.ok(buffers >= 16 && buffers <= memoryMb / 2)
      assert.ok(megabytes(settings.work_mem) >= 4)
      assert.ok(
        megabytes(settings.min_wal_size) >= 32 &&
          megabytes(settings.max_wal_size) > megabytes(settings.min_wal_size),
      )
      assert.ok(Number(settings.max_worker_processes) >= Number(settings.max_parallel_workers))
      assert.ok(Number(settings.io_workers ?? 1) <= 32)
    }),
  )
})

test('more never means less', () => {
  fc.assert(
    fc.property(size, size, (one, two) => {
      const small = sizeSettings({
        cpu: Math.min(one.cpu, two.cpu),
        memoryMb: Math.min(one.memoryMb, two.memoryMb),
      })
      const large = sizeSettings({
        cpu: Math.min(one.cpu, two.cpu),
        memoryMb: Math.max(one.memoryMb, two.memoryMb),
      })
      for (const name of ['shared_buffers', 'effective_cache_size', 'work_mem', 'max_wal_size'])
        assert.ok(megabytes(small[name]) <= megabytes(large[name]), name)
    }),
  )
})

test('a size that makes no sense is refused', () => {
  for (const [cpu, memoryMb] of [
    [0, 512],
    [-1, 512],
    [Number.NaN, 512],
    [2, 1],
    [2, Number.NaN],
    [2, Number.POSITIVE_INFINITY],
  ])
    assert.throws(() => sizeSettings({ cpu: cpu!, memoryMb: memoryMb! }), PostgresSizeInvalid)
})
