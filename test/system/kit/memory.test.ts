import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SEEN_HEADER } from '../../../src/web/seen/request-seen.ts'
import { HeaderMemory } from './memory.ts'

const answer = (token: string): Response => new Response(null, { headers: { [SEEN_HEADER]: token } })

test('a slower answer to an earlier request takes nothing from a program that another has told more', () => {
  const memory = new HeaderMemory()
  memory.take(answer('one'), memory.headers())
  const [read, write] = [memory.headers(), memory.headers()]
  memory.take(answer('written'), write)
  memory.take(answer('one'), read)
  assert.deepEqual(memory.headers()[SEEN_HEADER]?.split(',').toSorted(), ['one', 'written'])
  memory.take(answer('merged'), memory.headers())
  assert.deepEqual(
    memory.headers(),
    { [SEEN_HEADER]: 'merged' },
    'what comes back for all of them is kept alone',
  )
})
