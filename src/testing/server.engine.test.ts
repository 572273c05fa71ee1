import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { identify } from '../data/postgres/process.ts'
import { makeTestFolder, removeTestFolder, sweepTestFolders } from './folder.ts'
import { testDatabase } from './postgres.ts'
import { testServer } from './server.ts'

const PREPARE = `
  import { testDatabase } from ${JSON.stringify(new URL('./postgres.ts', import.meta.url).href)}
  const { connection } = await testDatabase()
  console.log(connection.host)
`
/** What the server given by the environment would make pointless. */
const EMBEDDED = process.env.TENFOLD_TEST_DATABASE === undefined ? {} : { skip: 'a server is given' }

/** Runs a test process in miniature; its first line of output is the folder of its server's socket. */
async function child(
  t: TestContext,
  then: string,
): Promise<{ process: ChildProcess; folder: string; pid: number }> {
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', PREPARE + then], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  t.after(() => process_.kill('SIGKILL'))
  const [socketDir] = (await once(createInterface(process_.stdout!), 'line')) as [string]
  const folder = dirname(socketDir)
  const pid = Number.parseInt(readFileSync(join(folder, 'pg', 'postmaster.pid'), 'utf8'), 10)
  return { process: process_, folder, pid }
}

/** Resolves when a folder is gone, without asking again and again. */
async function gone(folder: string): Promise<void> {
  const watcher = watch(dirname(folder))
  try {
    while (existsSync(folder)) await once(watcher, 'change')
  } finally {
    watcher.close()
  }
}

test('databases are apart, fast to make, and gone when dropped', async () => {
  const a = await testDatabase()
  await using b = await testDatabase()
  const client = new pg.Client(a.connection)
  client.on('error', () => {})
  await client.connect()
  await client.query('create table only_here (id int)')
  const other = new pg.Client(b.connection)
  await other.connect()
  assert.deepEqual((await other.query("select to_regclass('only_here') as it")).rows, [{ it: null }])
  await other.end()
  await a.drop() // ends the open session
  await a.drop()
  const server = await testServer()
  assert.deepEqual(
    await server.run('select 1 from pg_database where datname = $1', [a.connection.database]),
    [],
  )
  await client.end().catch(() => {})
})

test('a process that ends leaves neither server nor folder', EMBEDDED, async (t) => {
  const { process, folder, pid } = await child(t, '')
  assert.deepEqual(await once(process, 'exit'), [0, null])
  assert.equal(existsSync(folder), false)
  assert.equal(identify(pid), undefined)
})

test('nor does one that exits at once, throws, or is killed', EMBEDDED, async (t) => {
  const ends = ['process.exit(3)', "throw new Error('planned')", "process.kill(process.pid, 'SIGKILL')"]
  const run = async (end: string): Promise<void> => {
    const { process, folder, pid } = await child(t, `process.stdin.once('data', () => { ${end} })`)
    const exited = once(process, 'exit')
    process.stdin?.end('go\n')
    await exited
    await gone(folder)
    assert.equal(identify(pid), undefined, end)
  }
  await Promise.all(ends.map(run))
})

test('what a dead process left is swept, what a living one uses is not', EMBEDDED, async (t) => {
  const living = makeTestFolder(true)
  t.after(() => removeTestFolder(living))
  const dead = spawn(process.execPath, ['-e', ''])
  await once(dead, 'exit')
  const left = join(dirname(living), `tenfold-test-${dead.pid}-abcdef`)
  const other = mkdtempSync(join(dirname(living), 'tenfold-testing-'))
  t.after(() => rmSync(other, { recursive: true }))
  mkdirSync(join(left, 'pg'), { recursive: true })
  await sweepTestFolders()
  assert.deepEqual(
    [existsSync(living), existsSync(left), existsSync(other)],
    [true, false, true],
    basename(left),
  )
})

test('durable is another server, which flushes', EMBEDDED, async () => {
  const [volatile, durable] = await Promise.all([testServer(), testServer({ durable: true })])
  const settings =
    "select name, setting from pg_settings where name in ('fsync', 'full_page_writes') order by name"
  assert.deepEqual(
    (await volatile.run(settings)).map((row) => row.setting),
    ['off', 'off'],
  )
  assert.deepEqual(
    (await durable.run(settings)).map((row) => row.setting),
    ['on', 'on'],
  )
})
