import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from '../../../src/data/postgres/database.ts'
import { identify, isAlive, processesIn } from '../../../src/data/postgres/process.ts'
import { rejection, scratch, sql, startOwner, until } from './kit.ts'

test('kill -9 of the owner: the server goes on, the next owner adopts it and notices its end', async (t) => {
  const place = scratch(t)
  const owner = await place.owner()
  assert.equal(owner.report.created, true, owner.report.message)
  await sql(owner.report, 'create table kept as select 1 as one')
  await owner.kill()
  assert.deepEqual(await sql(owner.report, 'select one from kept'), [{ one: 1 }], 'it still answers')

  const server = place.server()
  await server.start()
  assert.deepEqual([server.adopted, server.pid], [true, owner.report.pid])
  assert.deepEqual(await sql(server, 'select one from kept'), [{ one: 1 }])
  process.kill(server.pid!, 'SIGKILL')
  const exit = await server.exited
  assert.deepEqual([exit.pid, exit.expected], [owner.report.pid, false])
  assert.equal(server.state, 'crashed')
})

test('an adopted server is stopped like any other', async (t) => {
  const place = scratch(t)
  const owner = await place.owner()
  await owner.kill()
  const server = place.server()
  await server.start()
  await server.stop()
  assert.equal((await server.exited).expected, true)
  assert.deepEqual(processesIn(place.dataDir), [])
})

test('other settings than the adopted server has: it is restarted with them', async (t) => {
  const place = scratch(t)
  const owner = await place.owner({ memoryMb: 256 })
  await owner.kill()
  const server = place.server({ memoryMb: 1024 })
  await server.start()
  assert.equal(server.adopted, false)
  assert.deepEqual(await sql(server, 'show shared_buffers'), [{ shared_buffers: '256MB' }])
})

test('a server left behind that hangs is ended and recovered', async (t) => {
  const place = scratch(t)
  const owner = await place.owner()
  await sql(owner.report, 'create table kept as select 1 as one')
  await owner.kill()
  process.kill(owner.report.pid!, 'SIGSTOP')
  const server = place.server()
  await server.start()
  assert.equal(server.adopted, false)
  assert.deepEqual(await sql(server, 'select one from kept'), [{ one: 1 }])
})

test('kill -9 of the postmaster: its exit is reported, busy backends are cleared, acknowledged rows are there', async (t) => {
  const place = scratch(t)
  const first = place.server()
  await first.start()
  await sql(first, 'create table kept (n int)')
  const busy = await connect(first)
  const lost = rejection(busy.query('select count(*) from generate_series(1, 1000000000)'))
  for (let n = 1; n <= 20; n++) await sql(first, `insert into kept values (${n})`)
  process.kill(first.pid!, 'SIGKILL')
  const exit = await first.exited
  assert.deepEqual([exit.expected, exit.signal], [false, 'SIGKILL'])
  assert.ok(processesIn(place.dataDir).length > 0, 'the busy backend outlives the postmaster')
  await first.stop()

  const second = place.server()
  await second.start()
  await lost
  assert.deepEqual(await sql(second, 'select count(*)::int as n from kept'), [{ n: 20 }])
  await second.stop()
  assert.deepEqual(processesIn(place.dataDir), [])
})

test('kill -9 of a backend ends the server instead of reopening it by itself', async (t) => {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  const victim = await connect(server)
  const { pid } = (await victim.query('select pg_backend_pid() as pid')).rows[0]
  process.kill(pid, 'SIGKILL')
  const exit = await server.exited
  assert.equal(exit.expected, false)
  assert.match(exit.logTail, /terminated by signal 9/)
  assert.equal(exit.reason?.code, 'TENFOLD_POSTGRES_FAILED')
  assert.match(exit.reason?.message ?? '', /PostgreSQL failed: .*terminated by signal 9/)
})

test('kill -9 of everything at once, the owner included', async (t) => {
  const place = scratch(t)
  const owner = await place.owner()
  await sql(owner.report, 'create table kept as select 1 as one')
  const all = processesIn(place.dataDir)
  await Promise.all([owner.kill(), ...all.map(async ({ pid }) => process.kill(pid, 'SIGKILL'))])
  const server = place.server()
  await server.start()
  assert.deepEqual(await sql(server, 'select one from kept'), [{ one: 1 }])
})

test('a socket that a killed server left is taken over, also when its id is another server’s by now; that of another is not', async (t) => {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  await server.stop()
  const other = place.server({ dataDir: join(place.dir, 'pg', 'c1'), runDir: join(place.dir, 'run1') })
  await other.start()
  const lock = (dataDir: string): void =>
    writeFileSync(join(place.dir, 'run', '.s.PGSQL.5432.lock'), `${other.pid}\n${dataDir}\n`, { mode: 0o600 })
  lock(join(place.dir, 'pg', 'c1'))
  const { code } = await rejection(place.server().start())
  assert.equal(code, 'TENFOLD_POSTGRES_PORT')
  lock(place.dataDir)
  const next = place.server()
  await next.start()
  assert.deepEqual(await sql(next, 'select 1 as one'), [{ one: 1 }])
})

test('kill -9 in mid initdb leaves no half folder; the next start clears up and succeeds', async (t) => {
  const place = scratch(t)
  const owner = startOwner(place.options())
  t.after(() => owner.kill())
  const pg = join(place.dir, 'pg')
  await until('initdb has begun to write', () =>
    halfMade(pg).some((name) => readdirSync(join(pg, name)).length > 5),
  )
  await owner.kill()
  assert.ok(!readdirSync(pg).includes('c0'), 'the data folder has not appeared')
  const server = place.server()
  await server.start()
  assert.equal(server.created, true)
  assert.deepEqual(halfMade(pg), [])
  assert.deepEqual(
    readdirSync(server.socketDir).filter((name) => name.startsWith('.pw')),
    [],
  )
})

const halfMade = (pg: string): string[] => {
  try {
    return readdirSync(pg).filter((name) => name.includes('.new-'))
  } catch {
    return []
  }
}

test('kill -9 of the owner while the server starts: the next owner gets a running one', async (t) => {
  const place = scratch(t)
  const made = place.server()
  await made.start()
  await made.stop()
  const owner = startOwner(place.options())
  t.after(() => owner.kill())
  await until('a postmaster exists', () => processesIn(place.dataDir).length > 0)
  await owner.kill()
  const server = place.server()
  await server.start()
  assert.deepEqual(await sql(server, 'select 1 as one'), [{ one: 1 }])
})

test('a server that is still stopping is waited for', async (t) => {
  const place = scratch(t)
  const owner = await place.owner()
  const client = await connect(owner.report as Parameters<typeof connect>[0])
  t.after(() => client.end())
  await owner.kill()
  // A smart shutdown waits for its clients, so it lasts as long as ours.
  process.kill(owner.report.pid!, 'SIGTERM')
  const file = join(place.dataDir, 'postmaster.pid')
  await until('it says that it is stopping', () => readFileSync(file, 'utf8').includes('stopping'))
  const server = place.server()
  const started = server.start()
  await client.end()
  await started
  assert.equal(server.adopted, false)
  assert.notEqual(server.pid, owner.report.pid)
})

test('a process that has the id of a dead postmaster is neither adopted nor harmed', async (t) => {
  const place = scratch(t)
  const first = place.server()
  await first.start()
  const file = join(place.dataDir, 'postmaster.pid')
  const text = readFileSync(file, 'utf8')
  await first.stop({ mode: 'immediate' })
  // Of the same user as PostgreSQL, for whom the id then looks like another server's.
  const stranger = spawn('sleep', ['60'], {
    stdio: 'ignore',
    ...(process.getuid?.() === 0 && { uid: ownerOf(place.dataDir) }),
  })
  t.after(() => stranger.kill('SIGKILL'))
  await once(stranger, 'spawn')
  writeFileSync(file, text.replace(/^\d+/, String(stranger.pid)))
  const server = place.server()
  await server.start()
  assert.equal(server.adopted, false)
  assert.ok(isAlive(identify(stranger.pid!)!))
})

const ownerOf = (dir: string): number => statSync(dir).uid
