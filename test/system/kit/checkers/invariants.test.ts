import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkRecords } from './records.ts'
import { checkReplays } from './replays.ts'
import { checkSessions } from './sessions.ts'
import { checkTransfers } from './transfers.ts'
import { historyOf, ok, unknown } from './written.ts'

const append = (element: string) => ({ type: 'append', key: 'l', element }) as const
const list = { type: 'list', key: 'l' } as const
const count = { type: 'count', key: 'c' } as const

describe('checkSessions', () => {
  test('lets sessions differ, but each only go forward', () => {
    const history = historyOf(
      ok('a', [0, 1], append('x'), { length: 1 }),
      ok('b', [2, 3], list, { elements: [] }),
      ok('a', [4, 5], list, { elements: ['x'] }),
    )
    assert.deepEqual(checkSessions(history), [])
  })

  test('finds a session that does not see its own write', () => {
    const history = historyOf(
      ok('a', [0, 1], append('x'), { length: 1 }),
      ok('a', [2, 3], list, { elements: [] }),
    )
    assert.match(checkSessions(history)[0]?.message ?? '', /session a saw list l at 0 after it had been at 1/)
  })

  test('finds a session whose reads go back', () => {
    const history = historyOf(ok('a', [0, 1], count, { total: 3 }), ok('a', [2, 3], count, { total: 2 }))
    assert.match(checkSessions(history)[0]?.message ?? '', /counter c at 2 after it had been at 3/)
  })
})

describe('checkTransfers', () => {
  const initial = { p: 10, q: 0 }
  const move = { type: 'transfer', from: 'p', to: 'q', amount: 4 } as const
  const done = ok('a', [0, 1], move, { moved: true })
  const messages = (...args: Parameters<typeof checkTransfers>): string[] =>
    checkTransfers(...args).map(({ message }) => message)

  test('accepts what the acknowledged transfers make', () => {
    const look = ok('b', [2, 3], { type: 'balances' }, { balances: { p: 6, q: 4 } })
    const denied = ok('b', [4, 5], move, { moved: false })
    assert.deepEqual(messages(historyOf(done, look, denied), initial, { p: 6, q: 4 }), [])
    assert.deepEqual(messages(historyOf(done, unknown('b', 6, move)), initial, { p: 2, q: 8 }), [])
  })

  test('finds money that was made', () => {
    assert.match(messages(historyOf(done), initial, { p: 6, q: 8 })[0] ?? '', /shows 14 .* instead of 10/)
  })

  test('finds a snapshot in the middle of a transfer', () => {
    const look = ok('b', [2, 3], { type: 'balances' }, { balances: { p: 6, q: 0 } })
    assert.match(messages(historyOf(look), initial, initial)[0] ?? '', /a snapshot shows 6/)
  })

  test('finds a negative balance', () => {
    assert.ok(
      messages([], { p: 0, q: 0 }, { p: -1, q: 1 }).some((message) => /-1 in account p/.test(message)),
    )
  })

  test('finds a transfer applied twice although the sum holds', () => {
    assert.match(
      messages(historyOf(done), initial, { p: 2, q: 8 })[0] ?? '',
      /account p ends at 2; .* make 6/,
    )
  })
})

describe('checkReplays', () => {
  const once = ok('a', [0, 1], append('x'), { length: 1 })

  test('accepts equal answers', () => {
    assert.deepEqual(checkReplays(historyOf({ ...once, answers: [{ length: 1 }, { length: 1 }] })), [])
  })

  test('finds a second answer that differs', () => {
    assert.equal(checkReplays(historyOf({ ...once, answers: [{ length: 1 }, { length: 2 }] })).length, 1)
  })
})

describe('checkRecords', () => {
  const wanted = [
    { name: 'x', outcome: 'ok' },
    { name: 'y', outcome: 'unknown' },
    { name: 'z', outcome: 'fail' },
  ] as const

  test('accepts each acknowledged record once', () => {
    assert.deepEqual(checkRecords('post', wanted, ['x']), [])
    assert.deepEqual(checkRecords('post', wanted, ['x', 'y']), [])
  })

  for (const [what, existing] of Object.entries({
    'a lost record': ['y'],
    'a doubled record': ['x', 'x'],
    'a doubled unknown record': ['x', 'y', 'y'],
    'a refused record': ['x', 'z'],
    'a record from nowhere': ['x', 'q'],
  })) {
    test(`finds ${what}`, () => assert.equal(checkRecords('post', wanted, existing).length, 1))
  }
})
