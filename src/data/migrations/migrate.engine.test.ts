import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { type Clock, systemClock } from '../../core/clock.ts'
import type { LogFields, Logger } from '../../core/log.ts'
import { testDatabase } from '../../testing/postgres.ts'
import type { ConnectionOptions } from '../client/types.ts'
import {
  MigrationEdited,
  MigrationFailed,
  MigrationIncomplete,
  MigrationInvalid,
  MigrationLocked,
  MigrationMissing,
  MigrationOutOfOrder,
  migrate,
  migrateClusters,
  migrationStatus,
} from './index.ts'

const USERS = 'create table users (id bigint primary key, name text not null);\n'
const SEED = "insert into users values (1, 'Ann');\ninsert into users values (2, 'Ben;');\n"

function folder(t: TestContext, files: Record<string, string | Uint8Array>): string {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-migrations-'))
  t.after(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}

async function database(t: TestContext): Promise<ConnectionOptions> {
  const { connection, drop } = await testDatabase()
  t.after(drop)
  return connection
}

async function open(t: TestContext, connection: ConnectionOptions): Promise<pg.Client> {
  const client = new pg.Client(connection)
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.end())
  return client
}

async function rows(connection: ConnectionOptions, sql: string): Promise<unknown[]> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return (await client.query({ text: sql, rowMode: 'array' })).rows.flat()
  } finally {
    await client.end()
  }
}

/** A log that calls `on` for every line. */
function logger(on: (message: string, fields: LogFields) => void): Logger {
  const line = (fields: LogFields, message: string): void => on(message, fields)
  const log: Logger = { debug: line, info: line, warn: line, error: line, child: () => log }
  return log
}

test('a fresh database gets all files in order, and a second run finds nothing to do', async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0002_seed.sql': SEED, '0001_users.sql': USERS, '.hidden': '', 'README.md': 'x' })
  const stray: unknown[] = []
  const log = logger((message, fields) => message.includes('ignored') && stray.push(fields.files))
  assert.deepEqual(await migrate({ connection, dir, log }), { applied: ['0001_users', '0002_seed'] })
  assert.deepEqual(await migrate({ connection, dir, log }), { applied: [] })
  assert.deepEqual(await rows(connection, 'select name from users order by id'), ['Ann', 'Ben;'])
  assert.deepEqual(stray, [['README.md'], ['README.md']])
  const status = await migrationStatus({ connection, dir })
  assert.deepEqual(status.pending, [])
  assert.equal(status.problem, undefined)
  assert.deepEqual(status.strays, ['README.md'])
  assert.deepEqual(
    status.applied.map(({ name }) => name),
    ['0001_users', '0002_seed'],
  )
})

test('that nothing is to do is known after one round trip', async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0001_users.sql': USERS })
  await migrate({ connection, dir })
  const queries = t.mock.method(pg.Client.prototype, 'query')
  await migrate({ connection, dir })
  assert.equal(queries.mock.callCount(), 1)
})

test('status of a database that never saw a migration lists all as pending and changes nothing', async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0001_users.sql': USERS })
  assert.deepEqual(await migrationStatus({ connection, dir }), {
    applied: [],
    pending: ['0001_users'],
    strays: [],
  })
  assert.deepEqual(await rows(connection, "select 1 from pg_namespace where nspname = 'tenfold'"), [])
})

test('the tables of an app do not land in our schema when the role has its name', async (t) => {
  const connection = await database(t)
  if (connection.user !== 'tenfold') return t.skip('the server given has another role')
  const dir = folder(t, { '0001_users.sql': USERS, '0002_more.sql': 'create table more (id int)' })
  await migrate({ connection, dir })
  const schemas = "select schemaname from pg_tables where tablename in ('users', 'more')"
  assert.deepEqual(await rows(connection, schemas), ['public', 'public'])
})

test('folders with prefixes share a database and do not see one another', async (t) => {
  const connection = await database(t)
  const system = folder(t, { '0001_markers.sql': 'create table markers (id int)' })
  const app = folder(t, { '0001_users.sql': USERS })
  assert.deepEqual(await migrate({ connection, dir: system, prefix: 'tenfold/' }), {
    applied: ['tenfold/0001_markers'],
  })
  assert.deepEqual(await migrate({ connection, dir: app }), { applied: ['0001_users'] })
  assert.deepEqual(await migrate({ connection, dir: system, prefix: 'tenfold/' }), { applied: [] })
  assert.deepEqual(await migrate({ connection, dir: app }), { applied: [] })
})

test('an edited, a missing and a late file are refused, and nothing runs', async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0001_users.sql': USERS, '0003_seed.sql': SEED })
  await migrate({ connection, dir })
  writeFileSync(join(dir, '0004_more.sql'), 'create table more (id int)')
  writeFileSync(join(dir, '0001_users.sql'), `${USERS}-- a remark`)
  await assert.rejects(migrate({ connection, dir }), (error) => {
    assert(error instanceof MigrationEdited)
    assert.match(error.message, /0001_users\.sql changed .* c0/)
    return true
  })
  assert((await migrationStatus({ connection, dir })).problem instanceof MigrationEdited)
  unlinkSync(join(dir, '0001_users.sql'))
  await assert.rejects(migrate({ connection, dir }), MigrationMissing)
  writeFileSync(join(dir, '0001_users.sql'), USERS)
  writeFileSync(join(dir, '0002_late.sql'), 'create table late (id int)')
  await assert.rejects(migrate({ connection, dir }), MigrationOutOfOrder)
  assert.deepEqual(await rows(connection, "select to_regclass('more'), to_regclass('late')"), [null, null])
  unlinkSync(join(dir, '0002_late.sql'))
  assert.deepEqual(await migrate({ connection, dir }), { applied: ['0004_more'] })
})

test('line ends and a byte order mark are no edits', async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0001_users.sql': USERS + SEED })
  await migrate({ connection, dir })
  writeFileSync(join(dir, '0001_users.sql'), `\ufeff${(USERS + SEED).replaceAll('\n', '\r\n')}`)
  assert.deepEqual(await migrate({ connection, dir }), { applied: [] })
  writeFileSync(join(dir, '0002_bom.sql'), '\ufeffselect 1;\r\nselect nonsense;\r\n')
  await assert.rejects(migrate({ connection, dir }), (error) => {
    assert(error instanceof MigrationFailed)
    assert.deepEqual(error.place, { cluster: 'c0', file: '0002_bom.sql', line: 2, column: 8 })
    return true
  })
})

test('a statement that fails in the middle leaves nothing of its file', async (t) => {
  const connection = await database(t)
  const dir = folder(t, {
    '0001_users.sql': USERS,
    '0002_bad.sql':
      "insert into users values (1, '𝔘🦊');\n\n-- why\n  update users set name = '🦊', nam = 1;\n",
    '0003_never.sql': 'create table never (id int)',
  })
  await assert.rejects(migrate({ connection, dir, cluster: 'c7' }), (error) => {
    assert(error instanceof MigrationFailed)
    assert.deepEqual(error.place, { cluster: 'c7', file: '0002_bad.sql', line: 4, column: 32 })
    assert.equal(error.sqlState, '42703')
    assert.equal(error.excerpt, `  4 |   update users set name = '🦊', nam = 1;\n${' '.repeat(6 + 31)}^`)
    assert.match(error.message, /0002_bad\.sql:4:32 failed on c7: column "nam" .* \(SQLSTATE 42703\)/)
    return true
  })
  assert.deepEqual(
    await rows(
      connection,
      "select count(*)::int from users union all select 1 where to_regclass('never') is null",
    ),
    [0, 1],
  )
  assert.deepEqual((await migrationStatus({ connection, dir })).pending, ['0002_bad', '0003_never'])
  writeFileSync(join(dir, '0002_bad.sql'), SEED)
  assert.deepEqual(await migrate({ connection, dir }), { applied: ['0002_bad', '0003_never'] })
})

test('a failure without position points at its statement, one at commit at the end', async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0001_users.sql': USERS + SEED, '0002_twice.sql': `select 1;\n  ${SEED}` })
  await assert.rejects(migrate({ connection, dir }), (error) => {
    assert(error instanceof MigrationFailed)
    assert.deepEqual(
      { ...error.place, state: error.sqlState },
      { cluster: 'c0', file: '0002_twice.sql', line: 2, column: 3, state: '23505' },
    )
    assert.match(error.message, /Detail: Key \(id\)=\(1\) already exists/)
    return true
  })
  const deferred =
    'create table a (id int unique deferrable initially deferred);\ninsert into a values (1), (1);\n'
  writeFileSync(join(dir, '0002_twice.sql'), deferred)
  await assert.rejects(
    migrate({ connection, dir }),
    (error) => error instanceof MigrationFailed && error.place.line === 2,
  )
  assert.deepEqual(await rows(connection, "select to_regclass('a')"), [null])
})

test('files that could not be recorded truthfully are refused before anything runs', async (t) => {
  const connection = await database(t)
  const cases: [file: string, text: string | Uint8Array, message: RegExp][] = [
    ['0002_empty.sql', '', /holds no statement/],
    ['0002_blank.sql', '-- only\n/* a /* nested */ comment */ ;; \n', /holds no statement/],
    ['0002_latin.sql', Buffer.from("select 'Z\xfcrich'", 'latin1'), /not UTF-8/],
    ['0002_nul.sql', 'select 1; \0 drop table users', /NUL/],
    ['0002_commit.sql', 'select 1;\n commit;', /0002_commit\.sql:2:2: COMMIT/],
    ['0002_begin.sql', '-- tenfold: no-transaction\nBegin; select 1; end', /:2:1: BEGIN/],
    ['2_short.sql', 'select 1', /not the name of a migration/],
    ['0002_Upper.sql', 'select 1', /not the name of a migration/],
    ['0001_again.sql', 'select 1', /0001_again\.sql and 0001_users\.sql/],
  ]
  for (const [file, text, message] of cases) {
    const dir = folder(t, { '0001_users.sql': USERS, [file]: text })
    await assert.rejects(migrate({ connection, dir }), (error) => {
      assert(error instanceof MigrationInvalid, String(error))
      assert.match(error.message, message)
      return true
    })
  }
  await assert.rejects(
    migrate({ connection, dir: join(tmpdir(), 'tenfold-no-such-folder') }),
    MigrationInvalid,
  )
  assert.deepEqual(await rows(connection, "select to_regclass('users')"), [null])
})

test('without a transaction: an index is made concurrently, the fence lets data pass, and a failure says what stays', async (t) => {
  const connection = await database(t)
  const dir = folder(t, {
    '0001_users.sql': `${USERS}create table seen as select current_setting('tenfold.bucket') as bucket;`,
    '0002_index.sql':
      "-- tenfold: no-transaction\ncreate index concurrently users_name on users (name);\ninsert into seen select current_setting('tenfold.bucket');\n",
    '0003_after.sql':
      "set search_path = pg_catalog; insert into public.seen select current_setting('lock_timeout')",
    '0004_path.sql': "insert into seen select current_setting('search_path')",
  })
  await migrate({ connection, dir })
  assert.deepEqual(await rows(connection, 'select bucket from seen'), [
    'migration',
    'migration',
    '5s',
    'public',
  ])
  writeFileSync(
    join(dir, '0005_half.sql'),
    '-- tenfold: no-transaction\ninsert into seen values (1);\ninsert into unseen values (1)',
  )
  await assert.rejects(migrate({ connection, dir }), (error) => {
    assert(error instanceof MigrationFailed)
    assert.match(error.remedy, /stay applied/)
    return error.place.line === 3
  })
  assert.deepEqual((await migrationStatus({ connection, dir })).pending, ['0005_half'])
})

test('an invalid index that IF NOT EXISTS passes over is reported', async (t) => {
  const connection = await database(t)
  const twice = "insert into users values (3, 'Cid'), (4, 'Cid');"
  const index =
    '-- tenfold: no-transaction\ncreate unique index concurrently if not exists users_name on users (name)'
  const dir = folder(t, { '0001_users.sql': USERS + twice, '0002_index.sql': index })
  await assert.rejects(migrate({ connection, dir }), { sqlState: '23505' })
  const reported: unknown[] = []
  const log = logger((message, fields) => message.includes('invalid') && reported.push(fields.indexes))
  assert.deepEqual(await migrate({ connection, dir, log }), { applied: ['0002_index'] })
  assert.deepEqual(reported, [['users_name']])
})

test('a lock held by another session: tried again, then an error that names the session', async (t) => {
  const connection = await database(t)
  const dir = folder(t, {
    '0001_users.sql': USERS,
    '0002_alter.sql': 'create table half (id int);\nalter table users add bio text',
  })
  renameSync(join(dir, '0002_alter.sql'), join(dir, 'later'))
  await migrate({ connection, dir })
  renameSync(join(dir, 'later'), join(dir, '0002_alter.sql'))
  const holder = await open(t, { ...connection, application_name: 'report' } as ConnectionOptions)
  await holder.query('begin; select * from users')
  const clock: Clock = { ...systemClock, sleep: (ms, options) => systemClock.sleep(ms / 100, options) }
  let attempts = 0
  const log = logger((message) => {
    if (message.includes('trying again')) attempts += 1
  })
  await assert.rejects(migrate({ connection, dir, log, clock, lockTimeoutMs: 200 }), (error) => {
    assert(error instanceof MigrationLocked)
    assert.equal(error.place.line, 2)
    assert.match(
      error.message,
      /in 4 attempts; it is held by process \d+ \(report\), idle in transaction: begin; select \* from users/,
    )
    return true
  })
  assert.equal(attempts, 3)
  assert.deepEqual(await rows(connection, "select to_regclass('half')"), [null])
  const releasing = logger((message) => {
    if (message.includes('trying again')) void holder.query('rollback')
  })
  assert.deepEqual(await migrate({ connection, dir, log: releasing, clock, lockTimeoutMs: 200 }), {
    applied: ['0002_alter'],
  })
})

test('of migrators that start together one works and the others wait, also with a concurrent index', async (t) => {
  const connection = await database(t)
  const dir = folder(t, {
    '0001_users.sql': USERS,
    '0002_index.sql': '-- tenfold: no-transaction\ncreate index concurrently users_name on users (name)',
    '0003_seed.sql': SEED,
  })
  const results = await Promise.all(Array.from({ length: 4 }, () => migrate({ connection, dir })))
  assert.deepEqual(results.map(({ applied }) => applied.length).sort(), [0, 0, 0, 3])
})

test('a migrator waits for another and says so', async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0001_users.sql': USERS })
  const other = await open(t, connection)
  await other.query('select pg_advisory_lock(7310577386151510)')
  let told = 0
  const log = logger((message) => {
    if (!message.includes('waiting for it')) return
    told += 1
    void other.query('select pg_advisory_unlock(7310577386151510)')
  })
  assert.deepEqual(await migrate({ connection, dir, log }), { applied: ['0001_users'] })
  assert.equal(told, 1)
})

test('an abort ends the statement that runs, and nothing of its file stays', async (t) => {
  const connection = await database(t)
  const dir = folder(t, {
    '0001_users.sql': USERS,
    '0002_slow.sql': "insert into users values (1, 'a');\nselect pg_sleep(600)",
  })
  const abort = new AbortController()
  const hasty: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() * 20,
    timer: (ms, run) => systemClock.timer(ms / 20, run),
  }
  const log = logger((message) => message.includes('still migrating') && abort.abort(new Error('enough')))
  await assert.rejects(migrate({ connection, dir, log, clock: hasty, signal: abort.signal }), /enough/)
  assert.deepEqual(await rows(connection, 'select count(*)::int from users'), [0])
  await assert.rejects(migrate({ connection, dir, signal: abort.signal }), /enough/)
})

test('a lost connection rolls the file back, and the next run continues', async (t) => {
  const connection = await database(t)
  const dir = folder(t, {
    '0001_users.sql': USERS,
    '0002_die.sql': `${SEED}select pg_terminate_backend(pg_backend_pid())`,
  })
  await assert.rejects(migrate({ connection, dir }), MigrationFailed)
  writeFileSync(join(dir, '0002_die.sql'), SEED)
  assert.deepEqual(await migrate({ connection, dir }), { applied: ['0002_die'] })
})

test('clusters are migrated in order; a failure tells what is where, and a new run continues', async (t) => {
  const clusters = [
    { name: 'c0', connection: await database(t) },
    { name: 'c1', connection: await database(t) },
    { name: 'c2', connection: await database(t) },
  ]
  const dir = folder(t, { '0001_users.sql': USERS, '0002_seed.sql': SEED })
  const other = await open(t, clusters[1]!.connection)
  await other.query('create table users (id bigint, name text)')
  await assert.rejects(migrateClusters({ clusters, dir }), (error) => {
    assert(error instanceof MigrationIncomplete)
    assert.deepEqual(error.applied, { c0: ['0001_users', '0002_seed'], c1: [], c2: [] })
    assert.match(
      error.message,
      /stopped at c1: 0001_users\.sql:1:1 failed on c1: relation "users" already exists/,
    )
    assert.match(error.remedy, /Correct it, then migrate again\. A new run continues/)
    return true
  })
  await other.query('drop table users')
  const all = ['0001_users', '0002_seed']
  assert.deepEqual(await migrateClusters({ clusters, dir }), { c0: [], c1: all, c2: all })
})

test('a huge file is applied', async (t) => {
  const connection = await database(t)
  const lines = Array.from(
    { length: 1_500 },
    (_, i) => `insert into users values (${i}, 'it''s ${'x'.repeat(500)};');`,
  )
  const literal = `insert into users values (-1, $$${"';".repeat(500_000)}$$);`
  const dir = folder(t, { '0001_users.sql': USERS, '0002_huge.sql': [literal, ...lines].join('\n') })
  await migrate({ connection, dir })
  assert.deepEqual(
    await rows(connection, 'select count(*)::int, max(length(name)) from users'),
    [1_501, 1_000_000],
  )
})

test('an unreadable file is named', {
  skip: process.getuid?.() === 0 && 'root reads everything',
}, async (t) => {
  const connection = await database(t)
  const dir = folder(t, { '0001_users.sql': USERS })
  chmodSync(join(dir, '0001_users.sql'), 0)
  await assert.rejects(migrate({ connection, dir }), /0001_users\.sql/)
  assert.throws(() => readFileSync(join(dir, '0001_users.sql')))
})
