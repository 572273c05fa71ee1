import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sizeSettings } from '../data/postgres/sizing.ts'
import { sizeServer } from './sizing.ts'

test('without a request everything keeps its small default', () => {
  assert.deepEqual(sizeServer({}), {
    nodeFlags: [],
    postgres: {},
    connectionsMax: 10,
  })
})

test('memory is divided, never beyond what was asked for', () => {
  for (const memoryMb of [512, 1024, 4096, 65536]) {
    const { nodeFlags, postgres } = sizeServer({ memoryMb })
    const [half = 0, heap = 0] = nodeFlags.map((flag) => Number(/=(\d+)$/.exec(flag)![1]))
    assert.ok(2 * half + heap + postgres.memoryMb! < memoryMb)
  }
})

test('however little is asked for, both can start', () => {
  const { nodeFlags, postgres } = sizeServer({ memoryMb: 1 })
  assert.deepEqual(nodeFlags, ['--max-semi-space-size=4', '--max-old-space-size=96'])
  assert.doesNotThrow(() => sizeSettings({ cpu: 1, memoryMb: postgres.memoryMb! }))
})

test('connections fit into PostgreSQL, whatever is asked for', () => {
  for (const cpu of [0.25, 1, 2, 8, 64]) {
    for (const clusters of [1, 2, 8, 16]) {
      // The data client takes as many again for slow reads.
      const taken = sizeServer({ cpu }, clusters).connectionsMax * 2 * clusters
      assert.ok(taken <= Number(sizeSettings({ cpu, memoryMb: 512 }).max_connections), `${cpu} ${clusters}`)
    }
  }
})
