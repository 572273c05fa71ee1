import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { nodeMetrics } from './console-server.ts'
import { overall, type StatusSources, systemStatus } from './status.ts'

const sources = (overrides: Partial<StatusSources>): StatusSources => ({
  app: 'demo',
  phase: 'ready',
  url: 'http://127.0.0.1:3000',
  consoleUrl: null,
  web: { id: 'web-1', tier: 'web', pid: 1, state: 'healthy', address: '', startedAt: '' },
  data: [
    {
      id: 'c0-pg-1',
      tier: 'data',
      cluster: 'c0',
      role: 'primary',
      pid: 2,
      state: 'healthy',
      address: '',
      startedAt: '',
    },
  ],
  directory: { epoch: 1, clusters: {}, isolated: [] },
  relay: {},
  position: async () => ({ lsn: '0/1', timeline: 1 }),
  webReady: async () => ({ ready: true }),
  ...overrides,
})

const states = async (overrides: Partial<StatusSources>) => {
  const status = await systemStatus(sources(overrides), systemClock)
  return [status.state, ...status.nodes.map(({ state }) => state)]
}

test('states follow what the nodes answer, not what their processes look like', async () => {
  assert.deepEqual(await states({}), ['ready', 'healthy', 'healthy'])
  assert.deepEqual(await states({ position: () => Promise.reject(new Error('away')) }), [
    'degraded',
    'healthy',
    'suspect',
  ])
  assert.deepEqual(await states({ webReady: async () => ({ ready: false }) }), [
    'degraded',
    'suspect',
    'healthy',
  ])
  assert.deepEqual(await states({ position: () => new Promise(() => {}) }), [
    'degraded',
    'healthy',
    'suspect',
  ])
})

test('an external database that does not answer is down: it has no process of ours', async () => {
  const [{ pid: _, ...node } = sources({}).data[0]!] = sources({}).data
  const failing = { data: [{ ...node, pid: null }], position: () => Promise.reject(new Error('away')) }
  assert.deepEqual(await states(failing), ['degraded', 'healthy', 'down'])
})

test('while starting and stopping the phase is the state', () => {
  assert.equal(overall('starting', [{ state: 'healthy' }]), 'starting')
  assert.equal(overall('stopping', [{ state: 'down' }]), 'stopping')
})

test('node states as metrics', async () => {
  const text = nodeMetrics(await systemStatus(sources({}), systemClock))
  assert.match(text, /^# TYPE tenfold_node_state gauge$/m)
  assert.match(text, /^tenfold_node_state\{node="web-1",tier="web",state="healthy"\} 1$/m)
})
