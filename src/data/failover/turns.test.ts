import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Turns } from './turns.ts'

const never = new AbortController().signal

test('one piece of work after another, also after one that failed', async () => {
  const turns = new Turns()
  const told: number[] = []
  const first = Promise.withResolvers<void>()
  const failing = turns.take(() => first.promise, never)
  const next = turns.take(async () => void told.push(2), never)
  told.push(1)
  first.reject(new Error('failed'))
  await assert.rejects(failing, /failed/)
  await next
  assert.deepEqual(told, [1, 2])
})

test('what is given up in the queue leaves at once, and lets nobody past who was before it', async () => {
  const turns = new Turns()
  const told: string[] = []
  const first = Promise.withResolvers<void>()
  const over = new AbortController()
  const has = Promise.withResolvers<void>()
  const begun = turns.take(async () => {
    has.resolve()
    await first.promise
    told.push('first')
  }, over.signal)
  await has.promise
  const left = turns.take(async () => void told.push('left'), over.signal)
  const last = turns.take(async () => void told.push('last'), never)
  over.abort(new Error('given up'))
  await assert.rejects(left, /given up/)
  await assert.rejects(
    turns.take(async () => void told.push('late'), over.signal),
    /given up/,
  )
  first.resolve()
  await Promise.all([begun, last, turns.over])
  assert.deepEqual(told, ['first', 'last'])
})
