import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { leavingPoint, leftTimeline, newestTimeline } from './timeline-history.ts'

const HISTORY = `1\t0/3000098\tno recovery target specified

2\t1/A0\tno recovery target specified
`

test('where a timeline was left, and nothing of one that was not', () => {
  assert.equal(leavingPoint(HISTORY, 1), 0x3000098n)
  assert.equal(leavingPoint(HISTORY, 2), 0x1000000a0n)
  assert.equal(leavingPoint(HISTORY, 3), undefined)
  assert.equal(leavingPoint(`# 2\t0/1\n\n${HISTORY}`, 2), 0x1000000a0n)
  assert.equal(leavingPoint('', 1), undefined)
})

test('the last history of a server counts', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tf-history-'))
  t.after(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'pg_wal'))
  assert.equal(leftTimeline(dir, 1), undefined)
  assert.equal(newestTimeline(dir), 1)
  const write = (name: string, text: string): void => writeFileSync(join(dir, 'pg_wal', name), text)
  write('00000002.history', '1\t0/1000000\tno recovery target specified\n')
  write('0000000A.history', HISTORY)
  write('000000020000000000000001', 'log')
  write('00000009.history', '1\t0/2000000\tno recovery target specified\n')
  assert.equal(leftTimeline(dir, 1), 0x3000098n)
  assert.equal(newestTimeline(dir), 2)
})
