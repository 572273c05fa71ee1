import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { silentLogger } from '../../../src/core/log.ts'
import { createPostgres } from '../../../src/data/postgres/index.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import { recordDirOf } from '../../../src/data/postgres/record.ts'
import { copyFolder, rejection, type Scratch, scratch } from './kit.ts'

const asRoot = process.getuid?.() === 0

/** A data folder that was made and stopped cleanly. */
async function made(t: TestContext): Promise<Scratch> {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  await server.stop()
  return place
}

/** What a start on the folder is refused with; checks that nothing runs and nothing was changed. */
async function refusal(place: Scratch): Promise<{ code?: string; message: string; remedy?: string }> {
  const before = readdirSync(join(place.dir, 'pg'))
  const error = await rejection(place.server().start())
  assert.deepEqual(processesIn(place.dataDir), [])
  assert.deepEqual(readdirSync(join(place.dir, 'pg')), before)
  assert.ok(error.remedy)
  return error
}

test('a second owner is refused at once, in the same process and in another, and told who the first is', async (t) => {
  const place = scratch(t)
  const first = place.server()
  await first.start()
  const here = await rejection(createPostgres(place.options()).start())
  assert.equal(here.code, 'TENFOLD_DATA_IN_USE')
  const other = await place.owner()
  assert.equal(other.report.code, 'TENFOLD_DATA_IN_USE')
  assert.match(other.report.message!, new RegExp(`process ${process.pid}\\b`))
  await first.stop()
  const third = await place.owner()
  assert.equal(third.report.adopted, false, third.report.message)
})

test('two owners started at the same time on an empty folder: one wins', async (t) => {
  const place = scratch(t)
  const reports = (await Promise.all([place.owner(), place.owner(), place.owner()])).map(
    ({ report }) => report,
  )
  assert.equal(reports.filter(({ created }) => created).length, 1)
  assert.equal(reports.filter(({ code }) => code === 'TENFOLD_DATA_IN_USE').length, 2)
})

test('versions: another PostgreSQL, a newer format', async (t) => {
  const place = await made(t)
  const versionFile = join(place.dataDir, 'PG_VERSION')
  writeFileSync(versionFile, '19\n')
  assert.equal((await refusal(place)).code, 'TENFOLD_DATA_VERSION')
  writeFileSync(versionFile, '18\n')
  const recordFile = join(recordDirOf(place.dataDir), 'tenfold.json')
  const record = JSON.parse(readFileSync(recordFile, 'utf8'))
  writeFileSync(recordFile, JSON.stringify({ ...record, format: 2 }))
  const error = await refusal(place)
  assert.equal(error.code, 'TENFOLD_DATA_VERSION')
  assert.match(error.message, /newer Tenfold/)
})

test('damage: control file, PG_VERSION, write-ahead log, record', async (t) => {
  const place = await made(t)
  const damages: Record<string, () => void> = {
    'a damaged control file': () =>
      writeFileSync(join(place.dataDir, 'global', 'pg_control'), Buffer.alloc(8192, 7)),
    'no control file': () => rmSync(join(place.dataDir, 'global', 'pg_control')),
    'no PG_VERSION': () => rmSync(join(place.dataDir, 'PG_VERSION')),
    'an empty PG_VERSION': () => writeFileSync(join(place.dataDir, 'PG_VERSION'), ''),
    'no write-ahead log': () => {
      for (const name of readdirSync(join(place.dataDir, 'pg_wal')))
        rmSync(join(place.dataDir, 'pg_wal', name), { recursive: true })
    },
    'no pg_xact': () => rmSync(join(place.dataDir, 'pg_xact'), { recursive: true }),
    'no configuration': () => rmSync(join(place.dataDir, 'postgresql.conf')),
    'a record cut short': () => writeFileSync(join(recordDirOf(place.dataDir), 'tenfold.json'), '{"format":'),
  }
  const whole = join(place.dir, 'whole')
  copyFolder(join(place.dir, 'pg'), whole)
  for (const [what, damage] of Object.entries(damages)) {
    rmSync(join(place.dir, 'pg'), { recursive: true })
    copyFolder(whole, join(place.dir, 'pg'))
    damage()
    const error = await refusal(place)
    assert.equal(error.code, 'TENFOLD_DATA_CORRUPT', `${what}: ${error.message}`)
  }
})

test('files that are not ours are left alone', async (t) => {
  const place = scratch(t)
  mkdirSync(place.dataDir, { recursive: true })
  writeFileSync(join(place.dataDir, 'thesis.txt'), 'years of work')
  const error = await rejection(place.server().start())
  assert.equal(error.code, 'TENFOLD_DATA_UNKNOWN')
  assert.deepEqual(readdirSync(place.dataDir), ['thesis.txt'])
})

test('a database whose record or folder is missing is neither adopted nor made anew', async (t) => {
  const place = await made(t)
  const record = recordDirOf(place.dataDir)
  renameSync(record, `${record}.away`)
  mkdirSync(record)
  assert.equal((await refusal(place)).code, 'TENFOLD_DATA_UNKNOWN')
  rmSync(record, { recursive: true })
  renameSync(`${record}.away`, record)
  renameSync(place.dataDir, join(place.dir, 'away'))
  assert.equal((await refusal(place)).code, 'TENFOLD_DATA_MISSING')
})

test('a folder that the user made in advance and left empty is used', async (t) => {
  const place = scratch(t)
  mkdirSync(place.dataDir, { recursive: true })
  const server = place.server()
  await server.start()
  assert.equal(server.created, true)
})

test('a file where the folder should be', async (t) => {
  const place = scratch(t)
  writeFileSync(join(place.dir, 'pg'), '')
  const error = await rejection(place.server().start())
  assert.equal(error.code, 'TENFOLD_DATA_UNWRITABLE', String(error))
})

test('a folder that may not be written', async (t) => {
  const place = scratch(t)
  if (asRoot) {
    // Root may write anywhere but on a read-only file system.
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'tmpfs', place.dir])
    try {
      const options = { ...place.options(), log: silentLogger }
      assert.equal((await rejection(createPostgres(options).start())).code, 'TENFOLD_DATA_UNWRITABLE')
    } finally {
      execFileSync('umount', [place.dir])
    }
    const closed = await place.owner({}, { spawn: { uid: 65534, gid: 65534 } })
    assert.equal(closed.report.code, 'TENFOLD_DATA_UNWRITABLE', closed.report.message)
  } else {
    mkdirSync(join(place.dir, 'pg'), { mode: 0o500 })
    assert.equal((await rejection(place.server().start())).code, 'TENFOLD_DATA_UNWRITABLE')
  }
})

test('sizes and settings that make no sense', async (t) => {
  const place = scratch(t)
  for (const wrong of [
    { memoryMb: 1 },
    { cpu: 0 },
    { settings: { 'work mem': '1' } },
    { settings: { work_mem: "1'\nfsync=off" } },
  ])
    assert.equal(
      (await rejection(place.server(wrong).start())).code,
      'TENFOLD_POSTGRES_SIZE',
      JSON.stringify(wrong),
    )
  const unknown = await rejection(place.server({ settings: { no_such_setting: '1' } }).start())
  assert.equal(unknown.code, 'TENFOLD_POSTGRES_FAILED')
  assert.match(unknown.message, /unrecognized configuration parameter "no_such_setting"/)
})
