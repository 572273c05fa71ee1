import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batches } from './batches.ts'
import { DOWN_BYTES_MAX, encodeDown } from './messages.ts'

const row = (marker: string, ...invalidate: string[]) => ({ marker, floor: 1n, effects: { invalidate } })

test('a small batch is one message, made once for all', () => {
  const batches = new Batches('c0')
  const batch = [row('m', 'a', 'b'), row('n', 'c')]
  const { number, messages } = batches.of(batch)
  assert.deepEqual(messages, [{ kind: 'effects', cluster: 'c0', batch: number, last: true, rows: batch }])
  assert.equal(batches.of(batch).messages[0], messages[0])
  assert.equal(batches.of([...batch]).number, number + 1)
})

test('a large one comes in parts that fit into frames; nothing of it is lost', () => {
  const keys = Array.from({ length: 50_000 }, (_, at) => `${at}${'\u0001'.repeat(200)}`)
  const batch = [
    row('small', 'a'),
    row('large', ...keys),
    { ...row('last'), effects: { purge: [{ tag: 't' }] } },
  ]
  const { messages } = new Batches('c0').of(batch)
  assert.ok(messages.length > 30)
  for (const message of messages) assert.ok(Buffer.byteLength(encodeDown(message)) <= DOWN_BYTES_MAX)
  assert.deepEqual(
    messages.map(({ last }) => last),
    messages.map((_, at) => at === messages.length - 1),
  )
  const rows = messages.flatMap((message) => message.rows)
  assert.deepEqual(
    rows.flatMap(({ effects: { invalidate = [] } }) => invalidate),
    ['a', ...keys],
  )
  assert.deepEqual(rows.at(-1)?.effects.purge, [{ tag: 't' }])
})

test('an endless key, under which nothing can lie, is left out', () => {
  const { messages } = new Batches('c0').of([row('m', 'a', 'x'.repeat(10_000_000), 'b')])
  assert.deepEqual(messages[0]?.rows[0]?.effects.invalidate, ['a', 'b'])
})
