import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Exchange, violations } from './history.ts'
import type { Op } from './operations.ts'

const get = (id = '1', part: 'a' | 'b' | 'page' = 'a'): Op => ({ type: 'get', id, part })
const bump = (id = '1'): Op => ({ type: 'bump', id })

/** One exchange after the other, a millisecond each. */
const sequence = (...steps: [session: string, op: Op, answer: number[], at?: number][]): Exchange[] =>
  steps.map(([session, op, answer, at], index) => ({
    session,
    tracked: session !== 'nobody',
    ops: [op],
    sentAt: at ?? index,
    answeredAt: (at ?? index) + 0.5,
    answers: [answer],
  }))

test('what is right passes', () => {
  const history = sequence(
    ['x', get(), [0]],
    ['x', bump(), [1]],
    ['x', get('1', 'page'), [1, 1]],
    ['y', get(), [0]],
    ['y', get(), [1]],
    ['y', get('2'), [0]],
  )
  assert.deepEqual(violations(history), [])
})

for (const [name, history, message] of [
  [
    'an older value than one wrote',
    sequence(['x', bump(), [1]], ['x', get(), [0]]),
    /x .* gave 0, after this session knew 1/,
  ],
  [
    'an older value than one saw, of the other half',
    sequence(['y', bump(), [1]], ['x', get('1', 'a'), [1]], ['x', get('1', 'b'), [0]]),
    /"b".* gave 0, after this session knew 1/,
  ],
  [
    'an older half on a page',
    sequence(['x', bump(), [1]], ['x', get('1', 'page'), [1, 0]]),
    /page.* gave 1,0, after/,
  ],
  [
    'an older value than the bound, for somebody without a token',
    sequence(['x', bump(), [1], 0], ['nobody', get(), [0], 1_001]),
    /nobody .* more than 1000 ms after 1/,
  ],
  ['a value that nobody wrote', sequence(['x', get(), [1]], ['x', bump(), [1]]), /nobody wrote/],
  ['a write that is lost or doubled', sequence(['x', bump(), [1]], ['y', bump(), [1]]), /told to two writes/],
] as const)
  test(`it notices ${name}`, () => {
    const found = violations(history)
    assert.equal(found.length, 1, found.join('\n'))
    assert.match(found[0] as string, message)
  })

test('a request sees what it wrote', () => {
  const own = (version: number): Exchange[] => [
    {
      session: 'nobody',
      tracked: false,
      ops: [bump(), get()],
      sentAt: 0,
      answeredAt: 1,
      answers: [[1], [version]],
    },
  ]
  assert.deepEqual(violations(own(1)), [])
  assert.equal(violations(own(0)).length, 1)
})
