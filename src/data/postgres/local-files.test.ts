import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { barrierOnTheWay, parsePasswd } from './account.ts'
import { replaceFile } from './files.ts'
import { readLinks, restoreLinks } from './links.ts'
import { takeLock } from './lock.ts'
import { logTail, rotateLog } from './log-file.ts'
import { identify, isAlive, isPostgres, signal } from './process.ts'
import { readRecord, recordDirOf } from './record.ts'
import { fitsSocket } from './socket.ts'

function folder(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'tf-unit-'))
  t.after(() => rmSync(dir, { recursive: true }))
  return dir
}

test('a lock has one owner, who is named, and can be taken again', (t) => {
  const dir = folder(t)
  const first = takeLock(dir, '/data')
  assert.throws(() => takeLock(dir, '/data'), {
    code: 'TENFOLD_DATA_IN_USE',
    message: new RegExp(`process ${process.pid}`),
  })
  first.release()
  takeLock(dir, '/data').release()
})

test('a PostgreSQL that is ending counts no more, although its process is still there', {
  skip: process.platform !== 'linux',
}, async (t) => {
  // Of one thread, and with much memory that is given back at its very end, as shared memory is.
  const program = join(folder(t), 'postgres')
  const held = `/dev/shm/tf-held-${process.pid}`
  const script = `#!/bin/sh\nexec 3>${held}\nrm ${held}\nhead -c 300000000 /dev/zero >&3\necho ready\nread never\n`
  writeFileSync(program, script, { mode: 0o755 })
  const child = spawn(program, [], { stdio: ['pipe', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const pid = child.pid!
  await once(child.stdout!, 'data')
  assert.equal(isPostgres(pid), true)
  child.kill('SIGKILL')
  while (existsSync(`/proc/${pid}/cwd`));
  assert.equal(isPostgres(pid), false)
})

test('replacing a file leaves no temporary one, keeps the mode, and does not follow a link', (t) => {
  const dir = folder(t)
  const [victim, path] = [join(dir, 'victim'), join(dir, 'file')]
  writeFileSync(victim, 'untouched')
  symlinkSync(victim, path)
  replaceFile(path, 'new', { mode: 0o640 })
  assert.equal(readFileSync(victim, 'utf8'), 'untouched')
  assert.equal(readFileSync(path, 'utf8'), 'new')
  assert.equal(statSync(path).mode & 0o777, 0o640)
  assert.deepEqual(readdirSync(dir).sort(), ['file', 'victim'])
})

test('the log: the tail of this run, bounded by rotation', (t) => {
  const file = join(folder(t), 'log')
  assert.equal(logTail(file), '')
  writeFileSync(file, 'old run\n')
  const from = statSync(file).size
  appendFileSync(file, 'one\ntwo\n')
  assert.equal(logTail(file, from), 'one\ntwo')
  assert.equal(rotateLog(file, 1000), false)
  assert.equal(rotateLog(file, 5), true)
  assert.equal(readFileSync(`${file}.1`, 'utf8'), 'old run\none\ntwo\n')
  appendFileSync(file, 'three\n')
  assert.equal(logTail(file, from), 'three')
})

test('missing links are restored relative to their folder, others are left', (t) => {
  const dir = folder(t)
  mkdirSync(join(dir, 'native', 'lib'), { recursive: true })
  writeFileSync(join(dir, 'native/lib/libx.so.1.2'), 'x')
  const links = [{ source: 'native/lib/libx.so.1.2', target: 'native/lib/libx.so.1' }]
  writeFileSync(join(dir, 'native/pg-symlinks.json'), JSON.stringify(links))
  assert.deepEqual(readLinks(dir), links)
  assert.equal(restoreLinks(dir, links), true)
  assert.equal(restoreLinks(dir, links), true)
  assert.equal(readlinkSync(join(dir, 'native/lib/libx.so.1')), 'libx.so.1.2')
  writeFileSync(
    join(dir, 'native/pg-symlinks.json'),
    JSON.stringify([{ source: 'native/lib/x', target: '../../etc/x' }]),
  )
  assert.throws(() => readLinks(dir), { code: 'TENFOLD_POSTGRES_UNUSABLE' })
})

test('a process is told from a later one with its id', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  await once(child, 'spawn')
  const identity = identify(child.pid!)!
  assert.ok(isAlive(identity))
  assert.equal(isAlive({ ...identity, started: 'another time' }), false)
  assert.equal(signal({ ...identity, started: 'another time' }, 'SIGKILL'), false)
  assert.equal(signal(identity, 'SIGKILL'), true)
  await once(child, 'exit')
  assert.equal(isAlive(identity), false)
  assert.equal(signal(identity, 'SIGKILL'), false)
})

test('users and the folders that they may enter', (t) => {
  const users = parsePasswd(
    'root:x:0:0:root:/root:/bin/bash\n# no user\nnobody:*:-2:-2::/var/empty:/usr/bin/false\n',
  )
  assert.deepEqual(users.get('nobody'), { uid: 4_294_967_294, gid: 4_294_967_294 })
  const closed = folder(t)
  const stranger = { uid: 4_000_000, gid: 4_000_000, steppedDown: true }
  assert.equal(barrierOnTheWay(join(closed, 'not', 'there', 'yet'), stranger), closed)
  assert.equal(barrierOnTheWay(join(closed, 'x'), { ...stranger, steppedDown: false }), undefined)
})

test('the room for a socket path is counted in bytes', () => {
  assert.equal(fitsSocket(`/${'x'.repeat(80)}`, 5432), true)
  assert.equal(fitsSocket(`/${'x'.repeat(100)}`, 5432), false)
  assert.equal(fitsSocket(`/${'ü'.repeat(60)}`, 5432), false)
})

test('a record from a newer Tenfold, or one that is damaged, is refused', (t) => {
  const dataDir = join(folder(t), 'c0')
  assert.equal(readRecord(dataDir), undefined)
  mkdirSync(recordDirOf(dataDir))
  const file = join(recordDirOf(dataDir), 'tenfold.json')
  writeFileSync(file, JSON.stringify({ format: 99, state: 'ready', pgMajor: 18 }))
  assert.throws(() => readRecord(dataDir), { code: 'TENFOLD_DATA_VERSION' })
  for (const text of ['', '{', 'null', '{}', '{"format":"1"}']) {
    writeFileSync(file, text)
    assert.throws(() => readRecord(dataDir), { code: 'TENFOLD_DATA_CORRUPT' }, text)
  }
})
