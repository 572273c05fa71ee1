import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { connect } from '../../../src/data/postgres/database.ts'
import { rejection, scratch, sql } from './kit.ts'

/** A file system of its own, so small that it can be filled. */
function smallDisk(t: TestContext, megabytes: number): string {
  const dir = mkdtempSync(join(tmpdir(), 'tf-full-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', dir])
  t.after(() => {
    execFileSync('umount', ['-l', dir])
    rmdirSync(dir)
  })
  return dir
}

const mayMount = (): boolean => {
  const dir = mkdtempSync(join(tmpdir(), 'tf-full-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', dir], { stdio: 'ignore' })
    execFileSync('umount', [dir])
    return true
  } catch {
    return false
  } finally {
    rmdirSync(dir)
  }
}

// The limit on a file's size, tested below, stands for the full disk where nobody may mount.
const skip = mayMount()
  ? false
  : 'mounting is not permitted here; the tests with RLIMIT_FSIZE cover the errors'

test('initdb on a disk that is too small: a typed error, nothing left behind', { skip }, async (t) => {
  const place = scratch(t, { at: join(smallDisk(t, 20), 'state') })
  const error = await rejection(place.server().start())
  assert.equal(error.code, 'TENFOLD_DISK_FULL', error.message)
  assert.deepEqual(
    readdirSync(join(place.dir, 'pg')).filter((name) => name !== 'c0.tenfold'),
    [],
  )
})

test('the log fills the disk: the server ends with the reason, and with room again every acknowledged row is there', {
  skip,
}, async (t) => {
  const disk = smallDisk(t, 128)
  const place = scratch(t, { at: join(disk, 'state') })
  const server = place.server()
  await server.start()
  await sql(server, 'create table kept (n int, filler text)')
  const { bavail, bsize } = statfsSync(disk)
  const ballast = join(disk, 'ballast')
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - 4 * 1024 * 1024))
  const client = await connect(server)
  let acknowledged = 0
  const failure = await rejection(
    (async () => {
      for (;;) {
        await client.query(
          `insert into kept select ${acknowledged + 1}, string_agg(md5(i::text), '') from generate_series(1, 2000) i`,
        )
        acknowledged++
        assert.ok(acknowledged < 10_000, 'the disk never filled')
      }
    })(),
  )
  assert.notEqual(failure.name, 'AssertionError')
  // Either a data file could not grow and the statement failed, or the log could not and the server ended.
  const outcome = await Promise.race([
    server.exited,
    sql(server, 'checkpoint').then(
      () => undefined,
      () => server.exited,
    ),
  ])
  t.diagnostic(outcome === undefined ? 'a data file could not grow' : 'the log could not grow')
  if (outcome !== undefined) assert.equal(outcome.reason?.code, 'TENFOLD_DISK_FULL', outcome.logTail)
  await server.stop({ mode: 'immediate' })
  // Without room it may or may not come up; if it does not, it says why.
  const cramped = place.server()
  const refused = await cramped.start().then(
    () => undefined,
    (error) => error,
  )
  if (refused !== undefined) assert.equal(refused.code, 'TENFOLD_DISK_FULL', String(refused))
  await cramped.stop({ mode: 'immediate' })
  rmSync(ballast)
  const recovered = place.server()
  await recovered.start()
  const [row] = await sql<{ n: number; max: number }>(
    recovered,
    'select count(*)::int as n, max(n) as max from kept',
  )
  assert.ok(row!.n >= acknowledged, `${row!.n} of ${acknowledged} acknowledged rows are left`)
})

test('a limit on the size of files during initdb: a typed error', async (t) => {
  const place = scratch(t)
  const owner = await place.owner({}, { before: 'ulimit -f 2048' })
  assert.equal(owner.report.code, 'TENFOLD_DISK_FULL', owner.report.message)
})

test('a limit on the size of files at a start: a typed error, and the data is whole without it', async (t) => {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  await sql(server, "create table kept as select i, repeat('x', 500) from generate_series(1, 40000) i")
  await server.stop({ mode: 'immediate' })
  const owner = await place.owner({}, { before: 'ulimit -f 2048' })
  assert.equal(owner.report.code, 'TENFOLD_DISK_FULL', owner.report.message)
  const again = place.server()
  await again.start()
  assert.deepEqual(await sql(again, 'select count(*)::int as n from kept'), [{ n: 40_000 }])
})
