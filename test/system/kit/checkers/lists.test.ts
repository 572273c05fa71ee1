import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { checkLists } from './lists.ts'
import { historyOf, ok, refused, unknown } from './written.ts'

const append = (element: string) => ({ type: 'append', key: 'l', element }) as const
const list = { type: 'list', key: 'l' } as const
const messages = (...args: Parameters<typeof checkLists>): string[] =>
  checkLists(...args).map(({ message }) => message)

describe('checkLists', () => {
  const fine = [
    ok('a', [0, 1], append('x'), { length: 1 }),
    ok('b', [2, 3], append('y'), { length: 2 }),
    ok('b', [4, 5], list, { elements: ['x', 'y'] }),
  ]

  test('accepts acknowledged elements, unknown ones or not, and beginnings of the final list', () => {
    assert.deepEqual(messages(historyOf(...fine), { l: ['x', 'y'] }), [])
    assert.deepEqual(messages(historyOf(...fine, unknown('c', 6, append('z'))), { l: ['x', 'y', 'z'] }), [])
    assert.deepEqual(messages(historyOf(...fine, unknown('c', 6, append('z'))), { l: ['x', 'y'] }), [])
    assert.deepEqual(messages(historyOf(...fine, refused('c', [6, 7], append('z'))), { l: ['x', 'y'] }), [])
  })

  const finds = (what: string, final: string[], expected: RegExp, ...more: typeof fine): void => {
    test(`finds ${what}`, () => {
      const found = messages(historyOf(...fine, ...more), { l: final })
      assert.ok(
        found.some((message) => expected.test(message)),
        found.join('\n'),
      )
    })
  }

  finds('a lost element', ['x'], /acknowledged element y is lost/)
  finds('a doubled element', ['x', 'y', 'y'], /element y is there 2 times/)
  finds('a doubled unknown element', ['x', 'y', 'z', 'z'], /z is there 2 times/, unknown('c', 6, append('z')))
  finds('a refused element', ['x', 'y', 'z'], /refused element z is there/, refused('c', [6, 7], append('z')))
  finds('an element from nowhere', ['x', 'y', 'q'], /q was never appended/)
  finds('elements that changed places', ['y', 'x'], /seen with x at place 1, where the final list has y/)
  finds('an element at another place than acknowledged', ['y', 'x'], /x was acknowledged at place 1, but y/)
  finds('a stale list', ['x', 'y'], /seen without y/, ok('c', [6, 7], list, { elements: ['x'] }))
  finds(
    'a list with an element that went away again',
    ['x', 'y'],
    /seen with z at place 3/,
    ok('c', [6, 7], list, { elements: ['x', 'y', 'z'] }),
  )
})
