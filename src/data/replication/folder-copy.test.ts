import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { chooseAccount } from '../postgres/account.ts'
import { copyDataFolder, copySize } from './folder-copy.ts'
import { folderSize, freeAt, NoRoomForCopy } from './room.ts'

const FILES = 60
const BYTES = 1_000

/** A folder that looks like a server's, and where its copy goes. */
function folder(t: TestContext) {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-copy-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  const from = join(dir, 'from')
  for (const inner of ['global', 'base/5', 'pg_wal']) mkdirSync(join(from, inner), { recursive: true })
  writeFileSync(join(from, 'global/pg_control'), Buffer.alloc(BYTES))
  for (let at = 0; at < FILES; at++) writeFileSync(join(from, `base/5/${at}`), Buffer.alloc(BYTES))
  // Gone with the server, and not copied.
  for (const path of ['pg_wal/000000010000000000000001', 'postmaster.pid'])
    writeFileSync(join(from, path), 'x')
  return { from, to: join(dir, 'to') }
}

const options = (reserve: number) => ({
  account: chooseAccount(tmpdir()),
  signal: new AbortController().signal,
  progress: { files: 0, bytes: 0 },
  reserve,
})

test('a copy takes what was said before', async (t) => {
  const places = folder(t)
  const copy = options(0)
  await copyDataFolder({ ...places, ...copy })
  assert.equal(copy.progress.bytes, (FILES + 1) * BYTES)
  assert.equal(await copySize(places.from, t.signal), copy.progress.bytes)
})

test('what is given up is not counted to the end', async (t) => {
  const { from } = folder(t)
  const reason = new Error('given up')
  const over = AbortSignal.abort(reason)
  for (const size of [copySize, folderSize]) await assert.rejects(size(from, over), reason)
})

/** Whether anything is still copied. */
async function assertOver({ files, ...rest }: { readonly files: number }, now: () => number): Promise<void> {
  for (let turns = 0; turns < 20; turns++) await freeAt(tmpdir())
  assert.equal(now(), files, JSON.stringify(rest))
}

test('where others have used up the room it stops before it writes anything', async (t) => {
  const places = folder(t)
  const copy = options((await freeAt(tmpdir())) * 2)
  await assert.rejects(copyDataFolder({ ...places, ...copy }), NoRoomForCopy)
  await assertOver({ files: 0 }, () => copy.progress.files)
})

test('a file that cannot be copied stops all, not only who has met it', async (t) => {
  const places = folder(t)
  symlinkSync('loop', join(places.from, 'base/5/loop'))
  const copy = options(0)
  await assert.rejects(copyDataFolder({ ...places, ...copy }), { code: 'ELOOP' })
  await assertOver({ ...copy.progress }, () => copy.progress.files)
})
