import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePostmasterFile } from './postmaster-file.ts'

test('a complete file', () => {
  const text = '4711\n/data/c0\n1795294534\n5432\n/run/c0\n\n  1234567    42\nready   \n'
  assert.deepEqual(parsePostmasterFile(text), {
    pid: 4711,
    startedSeconds: 1_795_294_534,
    port: 5432,
    socketDir: '/run/c0',
    status: 'ready',
  })
})

test('a file that is still being written, or damaged', () => {
  assert.equal(parsePostmasterFile(''), undefined)
  assert.equal(parsePostmasterFile('not a number\n'), undefined)
  assert.deepEqual(parsePostmasterFile('4711\n/data/c0\n'), {
    pid: 4711,
    startedSeconds: 0,
    port: 0,
    socketDir: '',
    status: 'unknown',
  })
  assert.equal(
    parsePostmasterFile('-4711\n/data/c0\n')?.pid,
    4711,
    'a single-user server writes a negative id',
  )
})
