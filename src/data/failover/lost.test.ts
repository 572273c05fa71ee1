import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { recordDirOf } from '../postgres/record.ts'
import { keepFolder, lostFolder, lostFolders, lostXidsOf } from './lost.ts'

const NOTE = { lostFrom: '7', oldest: '5' }

test('a folder that was put away in part is put away whole', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-lost-'))
  t.after(() => rmSync(dir, { recursive: true }))
  const dataDir = join(dir, 'c0')
  const kept = lostFolder(dataDir, 3)
  // Nothing is there: that something may be lost is known all the same.
  assert.equal(await keepFolder(dataDir, kept, NOTE), false)
  assert.deepEqual([lostFolders(dataDir), lostXidsOf(kept)], [[kept], { lostFrom: 7n, oldest: 5n }])
  rmSync(recordDirOf(kept), { recursive: true })
  for (const step of ['nothing', 'folder', 'record', 'note']) {
    mkdirSync(dataDir)
    mkdirSync(recordDirOf(dataDir))
    writeFileSync(join(dataDir, 'rows'), '')
    if (step !== 'nothing') renameSync(dataDir, kept)
    if (step === 'record' || step === 'note') renameSync(recordDirOf(dataDir), recordDirOf(kept))
    if (step === 'note') await keepFolder(dataDir, kept, NOTE)
    assert.equal(await keepFolder(dataDir, kept, NOTE), true, step)
    assert.deepEqual(lostFolders(dataDir), [kept])
    assert.ok(existsSync(join(kept, 'rows')) && !existsSync(dataDir) && !existsSync(recordDirOf(dataDir)))
    assert.equal(lostXidsOf(kept).lostFrom, 7n)
    for (const each of [kept, recordDirOf(kept)]) rmSync(each, { recursive: true })
  }
})
