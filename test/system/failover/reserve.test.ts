import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { chooseAccount } from '../../../src/data/postgres/account.ts'
import { copyDataFolder } from '../../../src/data/replication/folder-copy.ts'
import { freeAt, NoRoomForCopy } from '../../../src/data/replication/room.ts'
import { NO_SMALL_DISK, smallDisk } from '../kit/small-disk.ts'

const MB = 2 ** 20

test('files that are copied at once leave free together what each of them would', {
  skip: NO_SMALL_DISK,
}, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-reserve-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const from = join(dir, 'from')
  for (const inner of ['global', 'base/5', 'pg_wal']) mkdirSync(join(from, inner), { recursive: true })
  writeFileSync(join(from, 'global/pg_control'), 'x')
  for (let at = 0; at < 8; at++) writeFileSync(join(from, `base/5/${at}`), Buffer.alloc(40 * MB))
  const disk = smallDisk(t, '200m')
  let least = Number.POSITIVE_INFINITY
  let over = false
  const watching = (async () => {
    while (!over) least = Math.min(least, await freeAt(disk))
  })()
  const copying = copyDataFolder({
    from,
    to: join(disk, 'to'),
    account: chooseAccount(disk),
    signal: new AbortController().signal,
    progress: { files: 0, bytes: 0 },
    reserve: 64 * MB,
  })
  await assert.rejects(copying, NoRoomForCopy)
  over = true
  await watching
  assert.ok(least >= 64 * MB, `${least / MB} MB were free`)
})
