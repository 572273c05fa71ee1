import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { systemClock } from '../core/clock.ts'
import { TestClock } from '../testing/clock.ts'
import { createLog, type LogLevel } from './log.ts'
import { pretty } from './pretty.ts'
import { redact, redactText } from './redact.ts'

function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-log-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const linesOf = (file: string): Record<string, unknown>[] =>
  readFileSync(file, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

test('a writer’s lines look like any others', (t) => {
  for (const fields of [{ node: 'web-1', token: 'x' }, undefined]) {
    const file = join(tempFolder(t), 'log')
    const log = createLog({
      to: { file },
      ...(fields ? { fields } : {}),
      clock: { ...systemClock, now: () => 5 },
    })
    log.info({ a: 1, b: 'c' }, 'request "x"')
    log.writer?.('request "x"')('"a":1,"b":"c"')
    log.close()
    const [first, second] = readFileSync(file, 'utf8').split('\n')
    assert.equal(second, first)
  }
  const file = join(tempFolder(t), 'quiet')
  const quiet = createLog({ to: { file }, level: 'warn' })
  quiet.writer?.('request')('"a":1')
  quiet.warn({}, 'shown')
  quiet.close()
  assert.deepEqual(
    linesOf(file).map(({ msg }) => msg),
    ['shown'],
  )
})

test('lines are JSON with level, time, fields and message; children add theirs', (t) => {
  const file = join(tempFolder(t), 'log')
  const log = createLog({ to: { file }, fields: { node: 'web-1' } })
  log.debug({ no: 1 }, 'not shown')
  log.info({ a: 1 }, 'one')
  log.child({ requestId: 'r' }).warn({ b: [1] }, 'two')
  log.error({ error: new Error('broken', { cause: 'x' }) }, 'three')
  log.close()
  log.info({}, 'after the end')
  const [one, two, three, ...more] = linesOf(file)
  assert.equal(typeof one?.time, 'number')
  assert.deepEqual({ ...one, time: 0 }, { level: 'info', time: 0, node: 'web-1', a: 1, msg: 'one' })
  assert.deepEqual([two?.level, two?.requestId, two?.b], ['warn', 'r', [1]])
  const error = three?.error as Record<string, unknown>
  assert.deepEqual([error.name, error.message, error.cause], ['Error', 'broken', 'x'])
  assert.match(String(error.stack), /log\.test/)
  assert.deepEqual(more, [])
})

test('secrets never reach the log, at any depth', () => {
  const secret = 'xyzzy'
  const cause = Object.assign(new Error(`connect postgres://app:${secret}@db/x failed`), { password: secret })
  const fields = {
    password: secret,
    nested: { Authorization: secret, list: [{ 'Set-Cookie': secret, 'idempotency-key': secret }] },
    url: `postgres://app:${secret}@db:5432/x?a=b`,
    at: new URL(`http://u:${secret}@h/`),
    api_key: secret,
    error: new Error('outer', { cause }),
    bytes: Buffer.from(secret),
    signingKeys: [secret],
    cookie: secret,
    token: secret,
  }
  const text = JSON.stringify(redact(fields))
  assert.ok(!text.includes(secret), text)
  assert.match(text, /postgres:\/\/app:\[redacted\]@db:5432\/x\?a=b/)
  assert.equal(
    redactText(`two: a://b:${secret}@c and d://e:${secret}@f`),
    'two: a://b:[redacted]@c and d://e:[redacted]@f',
  )
  const plain = { method: 'GET', ms: 1, ok: true, none: null }
  assert.equal(redact(plain), plain)
})

test('anything can be logged', () => {
  const ring: Record<string, unknown> = {}
  ring.self = ring
  const text = JSON.stringify(
    redact({ ring, big: 1n, date: new Date(Number.NaN), many: Array(1_000).fill('x') }),
  )
  assert.ok(text.length < 2_000)
})

test('the file is moved aside when it grows too large, and only one old one is kept', (t) => {
  const file = join(tempFolder(t), 'log')
  const log = createLog({ to: { file }, bytesMax: 10_000 })
  for (let i = 0; i < 1_000; i++) {
    log.info({ i, filler: 'x'.repeat(100) }, 'line')
    if (i % 20 === 0) log.flush()
  }
  log.close()
  assert.ok(statSync(file).size < 15_000 && statSync(`${file}.1`).size < 15_000)
  assert.equal(linesOf(file).at(-1)?.i, 999)
})

test('a log that cannot be written loses lines, says how many, and hurts nobody', (t) => {
  const folder = tempFolder(t)
  const file = join(folder, 'logs')
  // A file where the folder should be: every write fails.
  writeFileSync(file, '')
  const log = createLog({ to: { file: join(file, 'log') } })
  log.info({}, 'lost one')
  log.flush()
  log.info({}, 'lost two')
  log.flush()
  renameSync(file, join(folder, 'aside'))
  execFileSync('mkdir', [file])
  log.info({}, 'found')
  log.close()
  const [found, notice] = linesOf(join(file, 'log'))
  assert.equal(found?.msg, 'found')
  assert.deepEqual([notice?.level, notice?.dropped], ['warn', 2])
})

test('a full disk costs lines, not requests', (t) => {
  const log = createLog({ to: { file: '/dev/full' } })
  t.after(() => log.close())
  for (let i = 0; i < 100; i++) {
    log.info({ i }, 'x'.repeat(1_000))
    log.flush()
  }
})

test('what is logged last survives the end of the process', (t) => {
  const file = join(tempFolder(t), 'log')
  const code = `
    import { createLog } from ${JSON.stringify(new URL('./log.ts', import.meta.url).href)}
    const log = createLog({ to: { file: ${JSON.stringify(file)} } })
    for (let i = 0; i < 500; i++) log.info({ i, filler: 'x'.repeat(200) }, 'line')
    setImmediate(() => { log.error({}, 'last words'); process.exit(3) })`
  assert.throws(
    () => execFileSync(process.execPath, ['--input-type=module', '-e', code], { stdio: 'ignore' }),
    { status: 3 },
  )
  const lines = linesOf(file)
  assert.equal(lines.at(-1)?.msg, 'last words')
  assert.deepEqual(
    lines.slice(0, -1).map(({ i }) => i),
    Array.from({ length: 500 }, (_, i) => i),
  )
})

test('lines go out by themselves after a moment', async (t) => {
  const file = join(tempFolder(t), 'log')
  const clock = new TestClock()
  const log = createLog({ to: { file }, clock })
  t.after(() => log.close())
  log.info({}, 'one')
  await clock.advance(100)
  let size = 0
  while (size === 0) {
    await new Promise((resolve) => setImmediate(resolve))
    size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  }
  assert.equal(linesOf(file)[0]?.msg, 'one')
})

test('a terminal gets words, and no escape sequences of strangers', () => {
  const chunks: string[] = []
  const stream = Object.assign(
    new Writable({
      decodeStrings: false,
      write: (chunk, _, done) => done(void chunks.push(String(chunk))) as never,
    }),
    { isTTY: true },
  )
  const log = createLog({ to: { stream }, level: 'debug' satisfies LogLevel })
  log.warn({ path: '/\u001b[2Jx', n: 1 }, 'hello')
  log.close()
  const [line = ''] = chunks
  assert.match(line, /\d\d:\d\d:\d\d\.\d{3}/)
  assert.match(line, /warn .*hello.*path=.*\/·\[2Jx.*n=.*1/)
  assert.match(
    pretty(JSON.stringify({ level: 'error', msg: 'm', error: { stack: 'Error: x\n    at y' } })),
    /m\n {2}Error: x\n {6}at y\n$/,
  )
  assert.equal(pretty('no JSON'), 'no JSON')
})
