import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkCounters } from './counters.ts'
import { historyOf, ok, unknown } from './written.ts'

const add = { type: 'increment', keys: ['c'], by: 1 } as const
const count = { type: 'count', key: 'c' } as const
const messages = (...args: Parameters<typeof checkCounters>): string[] =>
  checkCounters(...args).map(({ message }) => message)

describe('checkCounters', () => {
  const fine = [
    ok('a', [0, 3], add, { totals: [2] }),
    ok('b', [1, 2], add, { totals: [1] }),
    ok('b', [4, 5], count, { total: 2 }),
  ]

  test('accepts exact sums, and any part of the unknown ones', () => {
    assert.deepEqual(messages(historyOf(...fine), { c: 2 }), [])
    for (const c of [2, 3]) assert.deepEqual(messages(historyOf(...fine, unknown('c', 6, add)), { c }), [])
  })

  test('finds a doubled and a lost increment by the sum', () => {
    assert.match(messages(historyOf(...fine), { c: 3 })[0] ?? '', /more than once/)
    assert.match(messages(historyOf(...fine), { c: 1 })[0] ?? '', /lost/)
    assert.match(messages(historyOf(...fine, unknown('c', 6, add)), { c: 4 })[0] ?? '', /more than once/)
  })

  test('counts each counter that one operation touches', () => {
    const both = { type: 'increment', keys: ['c', 'd'], by: 1 } as const
    const history = historyOf(ok('a', [0, 1], both, { totals: [1, 1] }))
    assert.deepEqual(messages(history, { c: 1, d: 1 }), [])
    assert.match(messages(history, { c: 1, d: 0 })[0] ?? '', /counter d .* lost/)
  })

  test('finds two increments that overwrote each other', () => {
    const history = historyOf(ok('a', [0, 3], add, { totals: [1] }), ok('b', [1, 2], add, { totals: [1] }))
    assert.ok(
      messages(history, { c: 2 }).some((message) => /2 increments say that they made it 1/.test(message)),
    )
  })

  test('finds a stale read', () => {
    const history = historyOf(...fine, ok('c', [6, 7], count, { total: 1 }))
    assert.match(messages(history, { c: 2 })[0] ?? '', /seen at 1 after it had been seen at 2/)
  })

  test('finds an increment that lands below one that returned before', () => {
    const history = historyOf(ok('a', [0, 1], add, { totals: [2] }), ok('b', [2, 3], add, { totals: [1] }))
    assert.match(messages(history, { c: 2 })[0] ?? '', /seen at 1 after/)
  })

  test('finds increments that nobody asked for', () => {
    assert.match(messages([], { c: 1 })[0] ?? '', /more than once/)
  })
})
