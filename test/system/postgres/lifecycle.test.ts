import assert from 'node:assert/strict'
import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { connect } from '../../../src/data/postgres/database.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import { recordDirOf } from '../../../src/data/postgres/record.ts'
import { rejection, scratch, sql } from './kit.ts'

test('an empty folder becomes a running server, and its rows are there after a second start', async (t) => {
  const place = scratch(t, { disk: true })
  const first = place.server()
  await first.start()
  assert.equal(first.state, 'running')
  assert.deepEqual([first.created, first.adopted], [true, false])
  await sql(first, 'create table kept as select 7 as seven')
  await first.stop()
  assert.deepEqual(processesIn(place.dataDir), [], 'no process is left')
  assert.deepEqual(readdirSync(first.socketDir), [], 'no socket is left')

  const second = place.server()
  await second.start()
  assert.deepEqual([second.created, second.adopted], [false, false])
  assert.deepEqual(await sql(second, 'select seven from kept'), [{ seven: 7 }])
})

test('the settings are durable, private and ours', async (t) => {
  const place = scratch(t)
  const server = place.server({ cpu: 2, memoryMb: 1024, settings: { work_mem: '7MB' } })
  await server.start()
  const rows = await sql<{ name: string; setting: string }>(server, 'select name, setting from pg_settings')
  const settings = new Map(rows.map(({ name, setting }) => [name, setting]))
  const expected = {
    fsync: 'on',
    full_page_writes: 'on',
    synchronous_commit: 'on',
    data_checksums: 'on',
    restart_after_crash: 'off',
    wal_level: 'logical',
    listen_addresses: '',
    unix_socket_permissions: '0700',
    password_encryption: 'scram-sha-256',
    scram_iterations: '4096',
    server_encoding: 'UTF8',
    TimeZone: 'UTC',
    shared_buffers: String((1024 / 4) * 128),
    work_mem: String(7 * 1024),
  }
  for (const [name, value] of Object.entries(expected)) assert.equal(settings.get(name), value, name)
  const [{ rounds } = { rounds: '' }] = await sql<{ rounds: string }>(
    server,
    "select split_part(split_part(rolpassword, '$', 2), ':', 1) as rounds from pg_authid where rolname = current_user",
  )
  assert.equal(rounds, '1', 'of a password of 192 random bits')
  // What `initdb` found out, without its pages of comments, which every session would read at every reload.
  const conf = readFileSync(join(place.dataDir, 'postgresql.conf'), 'utf8')
  assert.match(conf, /^max_connections = \d+$/m)
  assert.match(conf, /^include_if_exists 'tenfold.conf'$/m)
  assert.ok(conf.length < 1_500, conf)
  const [locale] = await sql(
    server,
    'select datlocprovider, datlocale from pg_database where datname = current_database()',
  )
  assert.deepEqual(locale, { datlocprovider: 'b', datlocale: 'C.UTF-8' })
})

test('nobody gets in without the password, and the secrets are readable by their owner alone', async (t) => {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  const error = await rejection(
    connect({ socketDir: server.socketDir, port: server.port, user: server.user, password: 'wrong' }),
  )
  assert.equal(error.code, '28P01')
  const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  assert.equal(mode(recordDirOf(place.dataDir)), '700')
  assert.equal(mode(join(recordDirOf(place.dataDir), 'password')), '600')
  assert.equal(mode(place.dataDir), '700')
  assert.equal(mode(server.socketDir), '700')
  assert.equal(mode(place.options().logFile), '600')
  if (process.getuid?.() === 0)
    assert.notEqual(lstatSync(place.dataDir).uid, 0, 'PostgreSQL does not run as root')
})

test('stop works before start, during it, twice and at the same time', async (t) => {
  const place = scratch(t)
  const unused = place.server()
  await unused.stop()
  await assert.rejects(unused.start(), /was stopped/)

  const hurried = place.server()
  const started = rejection(hurried.start())
  await hurried.stop()
  assert.equal((await started).name, 'AbortError')
  assert.equal(hurried.state, 'stopped')
  assert.deepEqual(processesIn(place.dataDir), [])

  const server = place.server()
  await Promise.all([server.start(), server.start()])
  await Promise.all([server.stop(), server.stop()])
  await server.stop()
  const { expected, code } = await server.exited
  assert.deepEqual({ expected, code }, { expected: true, code: 0 })
  assert.equal(server.pid, undefined)
})

test('a stop in haste overtakes one that waits, and loses nothing that was acknowledged', async (t) => {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  await sql(server, 'create table kept as select 1 as one')
  await Promise.all([server.stop(), server.stop({ mode: 'immediate' })])
  assert.equal((await server.exited).expected, true)
  assert.deepEqual(processesIn(place.dataDir), [])
  const again = place.server()
  await again.start()
  assert.deepEqual(await sql(again, 'select one from kept'), [{ one: 1 }])
})

test('an aborted start leaves no process and no half folder', async (t) => {
  const place = scratch(t)
  const abort = new AbortController()
  const server = place.server({ signal: abort.signal })
  const started = rejection(server.start())
  abort.abort(new Error('changed my mind'))
  assert.equal((await started).message, 'changed my mind')
  assert.deepEqual(
    readdirSync(join(place.dir, 'pg')).filter((name) => name !== 'c0.tenfold'),
    [],
  )
})

test('TCP is off by default, can be asked for, and a taken port is named', async (t) => {
  const holder = createServer()
  await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve))
  const { port } = holder.address() as { port: number }
  t.after(() => holder.close())
  const place = scratch(t)
  const error = await rejection(place.server({ listen: { host: '127.0.0.1', port } }).start())
  assert.equal(error.code, 'TENFOLD_POSTGRES_PORT')

  await new Promise((resolve) => holder.close(resolve))
  const server = place.server({ listen: { host: '127.0.0.1', port } })
  await server.start()
  const client = await connect({ ...pick(server), socketDir: '127.0.0.1' })
  t.after(() => client.end())
  assert.equal((await client.query('select 1 as one')).rows[0].one, 1)
})

const pick = ({ port, user, password }: { port: number; user: string; password: string }) => ({
  port,
  user,
  password,
})
