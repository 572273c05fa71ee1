import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lineText } from './log-line.ts'

test('a line of JSON becomes one for a person', () => {
  const line = '{"level":"warn","time":1700000000000,"node":"web-1","requestId":"r1","msg":"slow","ms":12}'
  assert.equal(
    lineText({ node: 'web-1', line }, false),
    'web-1  2023-11-14 22:13:20.000 warn  slow requestId=r1 ms=12',
  )
})

test('other lines stay, with their node', () => {
  assert.equal(lineText({ node: 'c0-pg-1', line: 'LOG: x' }, false), 'c0-pg-1  LOG: x')
  assert.deepEqual(JSON.parse(lineText({ node: 'c0-pg-1', line: '{broken' }, true)), {
    node: 'c0-pg-1',
    msg: '{broken',
  })
})

test('what strangers wrote cannot command the terminal', () => {
  const isHarmless = (text: string): boolean => !text.includes('\u001b') && !text.includes('\u0007')
  const line = JSON.stringify({ msg: 'a\u001b[2Jb', path: '/\u0007' })
  assert.ok(isHarmless(lineText({ node: 'web-1', line }, false)))
  assert.ok(isHarmless(lineText({ node: 'c0-pg-1', line: '\u001b[31m' }, false)))
})
