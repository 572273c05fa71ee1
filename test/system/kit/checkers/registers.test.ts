import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkRegisters } from './registers.ts'
import { historyOf, ok, refused, unknown } from './written.ts'

const key = 'r'
const write = (value: number) => ({ type: 'write', key, value }) as const
const read = { type: 'read', key } as const

describe('checkRegisters', () => {
  test('accepts overlapping operations in an order that explains them', () => {
    const history = historyOf(
      ok('a', [0, 5], write(1), { value: 1 }),
      ok('b', [1, 2], read, { value: null }),
      ok('b', [3, 4], read, { value: 1 }),
      ok('a', [6, 7], { type: 'cas', key, from: 1, to: 2 }, { swapped: true }),
      ok('b', [8, 9], { type: 'cas', key, from: 1, to: 3 }, { swapped: false }),
      unknown('c', 10, write(4)),
      ok('b', [11, 12], read, { value: 2 }),
      ok('b', [13, 14], read, { value: 4 }),
      refused('b', [15, 16], write(9)),
    )
    assert.deepEqual(checkRegisters(history, { r: 4 }), [])
  })

  test('finds a stale read', () => {
    const history = historyOf(
      ok('a', [0, 1], write(1), { value: 1 }),
      ok('a', [2, 3], write(2), { value: 2 }),
      ok('b', [4, 5], read, { value: 1 }),
    )
    assert.match(checkRegisters(history)[0]?.message ?? '', /after 2 of them the value is 2/)
  })

  test('finds a look in a write that was stale', () => {
    const history = historyOf(
      ok('a', [0, 1], write(1), { value: 1 }),
      ok('a', [2, 3], write(2), { value: 2 }),
      ok('b', [4, 5], { type: 'look', key }, { value: 1 }),
    )
    assert.match(checkRegisters(history)[0]?.message ?? '', /after 2 of them the value is 2/)
  })

  test('finds a lost write at the end', () => {
    const history = historyOf(ok('a', [0, 1], write(1), { value: 1 }))
    assert.equal(checkRegisters(history, { r: null }).length, 1)
  })

  test('finds a value that goes back: a write that was applied again later', () => {
    const history = historyOf(
      ok('a', [0, 1], write(1), { value: 1 }),
      ok('b', [2, 3], write(2), { value: 2 }),
      ok('c', [4, 5], read, { value: 2 }),
      ok('c', [6, 7], read, { value: 1 }),
    )
    assert.equal(checkRegisters(history).length, 1)
  })

  test('finds two compare-and-sets that both won', () => {
    const cas = (to: number) => ({ type: 'cas', key, from: null, to }) as const
    const history = historyOf(
      ok('a', [0, 3], cas(1), { swapped: true }),
      ok('b', [1, 2], cas(2), { swapped: true }),
    )
    assert.equal(checkRegisters(history).length, 1)
  })

  test('finds a refused write that shows', () => {
    const history = historyOf(refused('a', [0, 1], write(1)), ok('b', [2, 3], read, { value: 1 }))
    assert.equal(checkRegisters(history).length, 1)
  })
})
