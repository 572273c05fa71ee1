import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dearest, fitted } from './fitted.ts'
import { type ClusterRecord, newClusterRecord } from './record.ts'

const record = {
  ...newClusterRecord('c0-pg-2'),
  nodes: ['c0-pg-2', 'c0-pg-1', 'c0-pg-3'],
  synchronous: ['c0-pg-1', 'c0-pg-3'],
  named: ['c0-pg-1', 'c0-pg-3'],
}

test('as many replicas as there are: nothing changes', () => {
  assert.deepEqual(fitted(record, { name: 'c0', replicas: 2 }), { record, extra: [] })
})

test('more: under free names, to be made', () => {
  const { record: more } = fitted(record, { name: 'c0', replicas: 4 })
  assert.deepEqual(more.nodes, ['c0-pg-2', 'c0-pg-1', 'c0-pg-3', 'c0-pg-4', 'c0-pg-5'])
  assert.deepEqual(more.building, ['c0-pg-4', 'c0-pg-5'])
  assert.deepEqual(more.synchronous, record.synchronous)
})

test('the name of one that is not gone yet is not free', () => {
  const { record: more } = fitted({ ...record, leaving: ['c0-pg-4'] }, { name: 'c0', replicas: 4 })
  assert.deepEqual(more.nodes, ['c0-pg-2', 'c0-pg-1', 'c0-pg-3', 'c0-pg-5', 'c0-pg-6'])
})

test('fewer: the primary stays, and until the rest has caught up it alone has everything', () => {
  const { record: fewer, extra } = fitted(record, { name: 'c0', replicas: 1 })
  assert.deepEqual(extra, ['c0-pg-3'])
  assert.deepEqual(fewer.nodes, ['c0-pg-2', 'c0-pg-1'])
  assert.deepEqual([fewer.synchronous, fewer.named], [[], ['c0-pg-1']])
  const { record: none } = fitted(record, { name: 'c0', replicas: 0 })
  assert.deepEqual([none.nodes, none.synchronous, none.named], [['c0-pg-2'], [], []])
})

test('fewer: who counts stays rather than who does not, a copy goes first, and who is being promoted never', () => {
  const only = (changed: Partial<ClusterRecord>): readonly string[] =>
    fitted({ ...record, ...changed }, { name: 'c0', replicas: 1 }).record.nodes
  assert.deepEqual(only({ named: ['c0-pg-3'], synchronous: ['c0-pg-3'] }), ['c0-pg-2', 'c0-pg-3'])
  assert.deepEqual(only({ named: [], building: ['c0-pg-1'] }), ['c0-pg-2', 'c0-pg-3'])
  const promoting = { id: 'c0-pg-3', named: [], rebuild: [] }
  assert.deepEqual(only({ named: ['c0-pg-1'], promoting }), ['c0-pg-2', 'c0-pg-3'])
})

test('one that does not run goes before one that does, though its word counted', () => {
  const three = { ...record, nodes: [...record.nodes, 'c0-pg-4'], building: ['c0-pg-4'], named: ['c0-pg-1'] }
  const runs = (id: string): boolean => id !== 'c0-pg-1'
  assert.deepEqual(dearest(three), ['c0-pg-1', 'c0-pg-3', 'c0-pg-4'])
  assert.deepEqual(dearest(three, runs), ['c0-pg-3', 'c0-pg-1', 'c0-pg-4'])
  const promoting = { id: 'c0-pg-1', named: [], rebuild: [] }
  assert.deepEqual(dearest({ ...three, promoting }, runs)[0], 'c0-pg-1')
})
