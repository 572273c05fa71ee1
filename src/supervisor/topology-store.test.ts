import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { TopologyEpoch } from './topology-store.ts'

test('the epoch goes on after its supervisor, also where it could not be written down', (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tf-topology-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const failures: unknown[] = []
  const note = (error: unknown): void => void failures.push(error)
  const first = new TopologyEpoch(dir)
  assert.deepEqual([first.next(note), first.next(note)], [1, 2])
  // A folder where the file is to be made: as a full disk refuses it.
  mkdirSync(join(dir, 'topology.json.tmp'))
  assert.deepEqual([first.next(note), first.next(note), failures.length], [3, 4, 2])
  rmSync(join(dir, 'topology.json.tmp'), { recursive: true })

  const second = new TopologyEpoch(dir)
  assert.deepEqual([second.current, second.next(note)], [2, 3])
  // A node that it finds has heard more than is on disk; one that has heard less is told anyway.
  assert.deepEqual([second.raise(4), second.next(note), second.raise(4), second.current], [true, 5, false, 5])
  // The same number from another supervisor is not what this one has told.
  assert.deepEqual([second.raise(5), second.next(note), failures.length], [true, 6, 2])
})
