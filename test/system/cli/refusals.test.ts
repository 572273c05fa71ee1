import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Ended, type Place, place } from './kit.ts'

/** A start that must fail: within seconds, with an error that names cause, remedy and code, and no stack. */
async function refused(
  here: Place,
  flags: string[],
  options: Parameters<Place['run']>[1] = {},
): Promise<Ended> {
  const ports = ['--port', '--console-port'].flatMap((flag) => (flags.includes(flag) ? [] : [flag, '0']))
  const data = flags.includes('--data') ? [] : ['--data', here.data]
  const ended = await here.run(['start', ...data, ...ports, ...flags], options)
  assert.equal(ended.out, '')
  assert.doesNotMatch(ended.err, /^ +at .*node:/m, 'no stack')
  return ended
}

async function taken(t: TestContext): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

test('a second start on the same folder names process and URL', async (t) => {
  const here = place(t)
  const system = await here.start()
  const web = await system.pidOf('web-1')
  const { code, err } = await refused(here, [])
  assert.equal(code, 1)
  assert.match(
    err,
    new RegExp(
      `already runs on .*process ${web}, ${system.url}.*\\n.*tenfold stop.*\\n.*TENFOLD_ALREADY_RUNNING`,
    ),
  )
})

test('a taken port, and a taken console port', async (t) => {
  const here = place(t)
  const port = await taken(t)
  const app = await refused(here, ['--port', String(port)])
  assert.equal(app.code, 1)
  assert.match(app.err, new RegExp(`${port}.* taken.*\\n.*--port.*\\n.*TENFOLD_ADDRESS_TAKEN`))
  const console = await refused(here, ['--console-port', String(port)])
  assert.equal(console.code, 1)
  assert.match(console.err, new RegExp(`${port}.* taken.*\\n.*--console-port.*\\n.*TENFOLD_ADDRESS_TAKEN`))
})

test('a state folder that cannot be written', async (t) => {
  const here = place(t)
  const file = join(here.dir, 'file')
  writeFileSync(file, '')
  const { code, err } = await refused(here, ['--data', join(file, 'state')])
  assert.equal(code, 1)
  assert.match(
    err,
    /Cannot write to .*: a file is where a folder should be.*\n.*--data.*\n.*TENFOLD_DATA_UNWRITABLE/,
  )
})

test('a read-only file system', { skip: process.getuid?.() !== 0 && 'only root can mount' }, async (t) => {
  const here = place(t)
  const { code, err } = await refused(here, ['--data', join(mount(t, 'ro,size=1m'), 'state')])
  assert.equal(code, 1)
  assert.match(
    err,
    /Cannot write to .*: the file system is read-only.*\n.*--data.*\n.*TENFOLD_DATA_UNWRITABLE/,
  )
})

/** A file system of its own. Outside of the place's folder, so that each is cleaned up by itself. */
function mount(t: TestContext, options: string): string {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-mount-'))
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir])
  t.after(() => {
    execFileSync('umount', ['--lazy', dir])
    rmdirSync(dir)
  })
  return dir
}

test('a full disk: a new folder, and one that worked before', async (t) => {
  const here = place(t)
  // 512-byte blocks: no file beyond 1 MB, which PostgreSQL's first WAL segment is.
  const limited = { before: 'ulimit -f 2000' }
  const fresh = await refused(here, [], limited)
  assert.equal(fresh.code, 1)
  assert.match(fresh.err, /disk of .* is full.*(\n.*)*Make room.*\n.*TENFOLD_DISK_FULL/)
  const again = await here.start()
  assert.deepEqual(await (await again.post('/a')).json(), { value: 1 })
})

test('a disk too small for a database', {
  skip: process.getuid?.() !== 0 && 'only root can mount',
}, async (t) => {
  const here = place(t)
  const { code, err } = await refused(here, ['--data', join(mount(t, 'size=24m'), 'state')])
  assert.equal(code, 1)
  assert.match(err, /TENFOLD_DISK_FULL/)
})

test('a damaged, and a newer, tenfold.json', async (t) => {
  const here = place(t)
  await here.start()
  await here.run(['stop', '--data', here.data])
  const record = join(here.data, 'tenfold.json')
  const kept = readFileSync(record)
  for (const damage of ['', '{', 'null', '{"format":"1"}', Buffer.alloc(4096)]) {
    writeFileSync(record, damage)
    const { code, err } = await refused(here, [])
    assert.equal(code, 1)
    assert.match(err, /tenfold\.json is damaged.*\n.*Nothing was changed.*\n.*TENFOLD_STATE_CORRUPT/)
  }
  writeFileSync(record, '{"format":2}')
  const newer = await refused(here, [])
  assert.equal(newer.code, 1)
  assert.match(newer.err, /newer Tenfold \(format 2, this one knows 1\).*\n.*Update.*\n.*TENFOLD_STATE_NEWER/)
  writeFileSync(record, kept)
  writeFileSync(join(here.data, 'secrets.json'), '{"signingKeys":[]}')
  assert.match((await refused(here, [])).err, /secrets\.json is damaged/)
})

test('no app, an app that is none, and one with a syntax error', async (t) => {
  const here = place(t)
  const none = await refused(here, [here.dir])
  assert.match(none.err, /There is no app\.ts or app\.js in .*\n.*tenfold init.*\n.*TENFOLD_APP_MISSING/)
  writeFileSync(join(here.app, 'app.ts'), 'export default 7\n')
  assert.match((await refused(here, [])).err, /does not export an application/)
  writeFileSync(join(here.app, 'app.ts'), 'export default {\n  name: ,\n}\n')
  const broken = await refused(here, [])
  assert.equal(broken.code, 1)
  assert.match(broken.err, /app\.ts cannot be loaded[\s\S]*app\.ts:2[\s\S]*TENFOLD_APP_BROKEN/)
  writeFileSync(join(here.app, 'app.ts'), 'import "./absent.ts"\n')
  assert.match((await refused(here, [])).err, /absent\.ts/)
  // In a process of its own, too: it says why it ends, and is not started again and again.
  for (const stage of ['split', 'replicated']) {
    const { code, err } = await refused(here, ['--stage', stage])
    assert.equal(code, 1)
    assert.match(err, /^tenfold: .*app\.ts cannot be loaded.*absent\.ts.*\n.*\n.*TENFOLD_APP_BROKEN/)
  }
  writeFileSync(join(here.app, 'app.ts'), 'process.exit(0)\n')
  assert.match((await refused(here, ['--stage', 'split'])).err, /web-1 ended 3 times.*\n.*\n.*SERVER_DIED/)
})

test('wrong usage exits 2 and suggests the right word', async (t) => {
  const here = place(t)
  const cases: [args: string[], says: RegExp, env?: Record<string, string>][] = [
    [['statsu'], /unknown command 'statsu'\n\(Did you mean status\?\)/],
    [['start', '--prot', '1'], /unknown option '--prot'\n\(Did you mean --port\?\)/],
    [['start', '--port', 'many'], /not a number/],
    [['start', '--port', '70000'], /"port" in the command line is wrong/],
    [['start', '--stage', 'balanced'], /Stage `balanced` is not in this version/],
    [['start', '--stage', '9'], /Stage `sharded` is not in this version/],
    [['start', '--stage', 'huge'], /There is no stage "huge"/],
    [['start', '--replicas', '2'], /--replicas needs processes of their own.*\n.*--stage replicated/],
    [['start', '--stage', 'replicated', '--replicas', 'two'], /--replicas two is not a whole number/],
    [['start', '--web', '2'], /--web belongs to stage `balanced`/],
    [['start', '--durability', 'some'], /"durability" in the command line is wrong/],
    [['fault', 'kil', 'web-1'], /Allowed choices are kill, pause, resume/],
    [['scale', 'data=2'], /Write it as data\.replicas=2/],
    [['scale', 'data.replicas=9'], /at most 8 replicas/],
    [['start', '--memory', 'lots'], /"memory" in the command line is wrong: is not a size/],
    [['start'], /TENFOLD_PROT is not known\.\n.*Did you mean TENFOLD_PORT\?/, { TENFOLD_PROT: '1' }],
    [['start', '--config', 'absent.json'], /There is no configuration file absent\.json/],
    [['logs', '--node', 'web1'], /there is no node web1\. Did you mean web-1\?/],
  ]
  for (const [args, says, env] of cases) {
    const { code, err, out } = await here.run(args, env ? { env } : {})
    assert.equal(code, 2, `${args.join(' ')}: ${err}`)
    assert.match(err, says)
    assert.equal(out, '')
  }
  writeFileSync(join(here.app, 'tenfold.config.json'), '{ "prot": 3000 }')
  const { code, err } = await here.run(['start'])
  assert.equal(code, 2)
  assert.match(err, /"prot" in .*tenfold\.config\.json is not a known setting\.\n.*Did you mean "port"\?/)
})

test('a database that is not there', async (t) => {
  const here = place(t)
  const { code, err } = await refused(here, ['--database', `postgres://me@127.0.0.1:${await taken(t)}/none`])
  assert.equal(code, 1)
  assert.match(err, /TENFOLD_(DATABASE_UNREACHABLE|DATA_UNAVAILABLE)/)
})
