import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { until, within } from '../kit/deadline.ts'
import { type Scratch, scratch } from '../postgres/kit.ts'
import { type Place, place, type Running } from './kit.ts'

/** A PostgreSQL of somebody else: by TCP, with a role that is nothing but the owner of its databases. */
interface Theirs {
  url(database: string, password?: string): string
  /** A connection of its superuser. */
  sql(database: string, text: string): Promise<pg.QueryResult>
  create(database: string): Promise<string>
  restart(settings?: Record<string, string>): Promise<void>
}

const PASSWORD = 'p@ss/word'

async function theirs(scratched: Scratch): Promise<Theirs> {
  const port = await freePort()
  const launch = (settings = {}) => scratched.server({ listen: { host: '127.0.0.1', port }, settings })
  let server = launch()
  await server.start()
  const { user, password } = server
  const sql: Theirs['sql'] = async (database, text) => {
    const client = new pg.Client({ host: '127.0.0.1', port, user, password, database })
    await client.connect()
    try {
      return await client.query(text)
    } finally {
      await client.end()
    }
  }
  await sql('postgres', `create role plain login password '${PASSWORD}'`)
  const url: Theirs['url'] = (database, secret = PASSWORD) =>
    `postgres://plain:${encodeURIComponent(secret)}@127.0.0.1:${port}/${database}`
  return {
    url,
    sql,
    create: async (database) => {
      await sql('postgres', `create database ${database} owner plain`)
      return url(database)
    },
    restart: async (settings) => {
      await server.stop()
      server = launch(settings)
      await server.start()
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  const port = await portOf(probe)
  await new Promise((resolve) => probe.close(resolve))
  return port
}

async function portOf(server: Server): Promise<number> {
  if (!server.listening) await new Promise((resolve) => server.once('listening', resolve))
  return (server.address() as { port: number }).port
}

const sees = async (system: Running, name: string): Promise<unknown> => (await system.get(`/${name}`)).json()

test('an existing PostgreSQL by URL', async (t) => {
  const server = await theirs(scratch(t))
  await t.test('a plain role is enough: migrated, fenced, seen by every command', (t) => plainRole(t, server))
  await t.test('it is restarted under requests: they wait, none fails, each is applied once', (t) =>
    restarted(t, server),
  )
  await t.test('two URLs are two clusters', (t) => twoUrls(t, server))
  await t.test('what is wrong with it is told at once, with a remedy', (t) => refused(t, server))
  await t.test('a server that is too old is refused before anything is written', (t) => tooOld(t, server))
  await t.test('settings that risk data are told at the start and by doctor', (t) => weak(t, server))
})

async function plainRole(t: TestContext, server: Theirs): Promise<void> {
  const here = place(t)
  const url = await server.create('plainly')
  const from = ['--database', url]
  const migrated = await here.run(['migrate', ...from])
  assert.deepEqual([migrated.code, migrated.out], [0, 'c0: 0001_counters\n'], migrated.err)
  const system = await here.start(from)
  assert.deepEqual(await (await system.post('/a')).json(), { value: 1 })
  assert.deepEqual(await sees(system, 'a'), { value: 1 })
  await assert.rejects(
    server.sql('plainly', `insert into counters values ('b', 1)`),
    /bucket|tenfold/i,
    'the fence holds for others',
  )
  const { nodes } = await system.status()
  const data = nodes.find(({ id }) => id === 'c0-pg-1')
  assert.equal(data?.state, 'healthy')
  assert.doesNotMatch(JSON.stringify(nodes), /word/, 'no password in the status')
  const doctor = await here.run(['doctor', ...from])
  assert.equal(doctor.code, 0, doctor.out)
  assert.match(doctor.out, /ok .*c0 durability/)
  const types = await here.run(['types', ...from])
  assert.match(types.out, /interface Schema \{\n\s+counters/, types.err)
  const rows = await here.run(['sql', ...from, '-c', 'select value from counters', '--json'])
  assert.deepEqual(JSON.parse(rows.out), { value: 1 })
  const written = await here.run(['sql', ...from, '-c', 'delete from counters'])
  assert.match(written.err, /read-only/)
  assert.equal((await here.run(['stop', '--data', here.data])).code, 0)
  assert.equal((await server.sql('plainly', 'select 1')).rowCount, 1, 'it is not ours to stop')
}

async function restarted(t: TestContext, server: Theirs): Promise<void> {
  const here = place(t)
  const system = await here.start(['--database', await server.create('lasting')])
  const names = ['a', 'b', 'c', 'd']
  const statuses: number[] = []
  let over = false
  const clients = names.map(async (name) => {
    let writes = 0
    while (!over) {
      statuses.push((await system.post(`/${name}`)).status, (await system.get(`/${name}`)).status)
      writes++
    }
    return writes
  })
  const more = (): Promise<true> => {
    const before = statuses.length
    return until('more answers', () => (statuses.length > before + 40 ? true : undefined))
  }
  await more()
  await server.restart()
  await more()
  over = true
  const writes = await within(Promise.all(clients), 'the last answers')
  assert.deepEqual([...new Set(statuses)], [200])
  assert.deepEqual(
    await Promise.all(names.map((name) => sees(system, name))),
    writes.map((value) => ({ value })),
  )
}

async function twoUrls(t: TestContext, server: Theirs): Promise<void> {
  const here = place(t)
  const urls = [await server.create('half_one'), await server.create('half_two')]
  const system = await here.start(['--database', ...urls])
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) assert.equal((await system.post(`/${name}`)).status, 200)
  const { directory, nodes } = await system.status()
  assert.deepEqual(directory.clusters, { c0: [[0, 2047]], c1: [[2048, 4095]] })
  assert.deepEqual(
    nodes.map(({ id }) => id),
    ['web-1', 'c0-pg-1', 'c1-pg-1'],
  )
  const counted = await Promise.all(
    ['half_one', 'half_two'].map((name) => server.sql(name, 'select count(*)::int as n from counters')),
  )
  const counts = counted.map(({ rows }) => rows[0].n as number)
  assert.equal(counts[0]! + counts[1]!, 6)
  assert.ok(counts.every((n) => n > 0))
  const wrong: [urls: string[], says: RegExp][] = [
    [
      urls.toReversed(),
      /given for cluster c0 holds cluster c1\.\n.*in the order.*\n.*TENFOLD_CLUSTER_MISTAKEN/,
    ],
    [[urls[0]!, urls[0]!], /given for cluster c1 holds cluster c0/],
    [[urls[0]!, await server.create('unknown')], /given for cluster c1 holds no cluster yet/],
    [[urls[0]!], /The data lies on c0, c1, but this start has c0.*\n.*\n.*TENFOLD_PLACEMENT_MISMATCH/],
  ]
  await Promise.all(
    wrong.map(async ([given, says]) => {
      const { code, err } = await here.run(['migrate', '--database', ...given])
      assert.equal(code, 1)
      assert.match(err, says)
    }),
  )
}

const starting = (here: Place, name: string, url: string): string[] => [
  ...['start', '--data', join(here.dir, name), '--port', '0', '--console-port', '0'],
  ...['--database', url],
]

async function refused(t: TestContext, server: Theirs): Promise<void> {
  const here = place(t)
  const cases: [url: string, says: RegExp][] = [
    [server.url('lasting', 'wrong'), /password authentication failed.*\n.*Correct user and password/],
    [server.url('absent'), /"absent" does not exist.*\n.*Create the database/],
    [`postgres://plain@127.0.0.1:${await freePort()}/x`, /ECONNREFUSED.*\n.*Start that PostgreSQL/],
  ]
  await Promise.all(
    cases.map(async ([url, says], at) => {
      const { code, err, out } = await here.run(starting(here, `state-${at}`, url))
      assert.deepEqual([code, out], [1, ''], err)
      assert.match(err, says)
      assert.match(err, /TENFOLD_DATABASE_UNREACHABLE/)
      assert.doesNotMatch(err, /word@|wrong@|^ +at /m, 'neither passwords nor stacks')
    }),
  )
}

async function tooOld(t: TestContext, server: Theirs): Promise<void> {
  const here = place(t)
  const url = await server.create('aged')
  const { rows } = await server.sql('aged', `select current_setting('server_version_num') as number`)
  const { number } = rows[0] as { number: string }
  const proxy = await ageing(t, Number(new URL(url).port), number, `14${number.slice(2)}`)
  const old = url.replace(/:\d+\//, `:${proxy}/`)
  for (const args of [starting(here, 'state', old), ['migrate', '--database', old]]) {
    const { code, err } = await here.run(args)
    assert.equal(code, 1)
    assert.match(err, /is PostgreSQL 14\.\d+; Tenfold needs 15 or newer\.\n.*\n.*TENFOLD_DATABASE_TOO_OLD/)
  }
  const doctor = await here.run(['doctor', '--database', old])
  assert.match(doctor.out, /fail {2}c0 version: PostgreSQL .* is too old/)
  const { rowCount } = await server.sql('aged', `select from pg_namespace where nspname = 'tenfold'`)
  assert.equal(rowCount, 0)
}

/** Stands before a server and changes the version number that it tells. Resolves with its port. */
async function ageing(t: TestContext, port: number, told: string, instead: string): Promise<number> {
  const sockets: Socket[] = []
  const proxy = createServer((client) => {
    const server = createConnection({ host: '127.0.0.1', port })
    sockets.push(client, server)
    for (const socket of [client, server]) socket.on('error', () => {})
    client.pipe(server)
    server.on('data', (chunk) => {
      const at = chunk.indexOf(told)
      if (at >= 0) chunk.write(instead, at)
      client.write(chunk)
    })
    server.on('close', () => client.destroy())
    client.on('close', () => server.destroy())
  })
  proxy.listen(0, '127.0.0.1')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    proxy.close()
  })
  return portOf(proxy)
}

async function weak(t: TestContext, server: Theirs): Promise<void> {
  const here = place(t)
  const url = await server.create('risky')
  await server.sql('postgres', 'alter database risky set synchronous_commit = off')
  await server.restart({ fsync: 'off' })
  const system = await here.start(['--database', url])
  const notes =
    /c0 \(postgres:\/\/127\.0\.0\.1:\d+\/risky\): (fsync|synchronous_commit) is off: .*tenfold doctor/g
  const shown = [...system.guard.so.err.matchAll(notes)].map(([, setting]) => setting)
  assert.deepEqual(shown, ['fsync', 'synchronous_commit'])
  await until('both in the log', () => {
    const log = readFileSync(join(here.data, 'logs', 'server.log'), 'utf8')
    return [...log.matchAll(notes)].length === 2 ? true : undefined
  })
  const doctor = await here.run(['doctor', '--database', url])
  assert.equal(doctor.code, 1)
  assert.match(doctor.out, /fail {2}c0 durability: fsync is off/)
  assert.match(doctor.out, /warn {2}c0 durability: synchronous_commit is off/)
}
