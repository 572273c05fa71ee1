import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SystemStatus } from '../../src/core/topology.ts'
import { processesIn } from '../../src/data/postgres/process.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const NPM_MS_MAX = 120_000

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

interface Run {
  readonly child: ChildProcess
  readonly so: { out: string; err: string }
  readonly ended: Promise<Ended>
}

/** As a person's shell would: nothing of the test runner, and not the condition that leads to our sources. */
const ENVIRONMENT = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(TENFOLD_|NODE_TEST_|NODE_OPTIONS$|npm_)/.test(name)),
)

function run(program: string, args: readonly string[], cwd: string): Run {
  const child = spawn(program, args, {
    cwd,
    env: ENVIRONMENT,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: NPM_MS_MAX,
  })
  const so = { out: '', err: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (so.out += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (so.err += chunk))
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, ...so })))
  return { child, so, ended }
}

async function finished({ ended }: Run): Promise<string> {
  const { code, out, err } = await ended
  assert.equal(code, 0, `${out}\n${err}`)
  return out
}

/** Pieces of standard output until one makes `pattern` match. */
async function shows({ child, so, ended }: Run, pattern: RegExp): Promise<RegExpExecArray> {
  const shown = new Promise<RegExpExecArray>((resolve) => {
    const look = (): void => {
      const match = pattern.exec(so.out)
      if (match !== null) resolve(match)
    }
    child.stdout!.on('data', look)
    look()
  })
  const failed = ended.then(({ code, err }) => assert.fail(`ended with ${code}: ${err}`))
  return Promise.race([shown, failed])
}

let project: string
let files: readonly string[]

const tenfold = (args: readonly string[], cwd = project): Run =>
  run(join(project, 'node_modules', '.bin', 'tenfold'), args, cwd)

/** What a person would do: pack, install the tarball beside Lightbox; nothing else of the checkout is within reach. */
before(async () => {
  project = mkdtempSync(join(tmpdir(), 'tenfold-packed-'))
  // PostgreSQL's user may pass through, so that its socket stays inside.
  chmodSync(project, 0o711)
  const packed = await finished(run('npm', ['pack', '--json', '--pack-destination', project], ROOT))
  // npm before 11 has a list here, later ones a record by name.
  const [pack] = Object.values(JSON.parse(packed.slice(packed.search(/^[[{]/m)))) as [
    { filename: string; files: { path: string }[] },
  ]
  files = pack.files.map(({ path }) => path)
  const skipped = /(^|\/)(node_modules|\.tenfold)(\/|$)/
  const lightbox = join(ROOT, 'examples', 'lightbox')
  cpSync(lightbox, join(project, 'lightbox'), {
    recursive: true,
    filter: (path) => !skipped.test(path.slice(lightbox.length)),
  })
  const { dependencies } = JSON.parse(readFileSync(join(lightbox, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  const manifest = {
    name: 'packed',
    private: true,
    type: 'module',
    dependencies: { ...dependencies, tenfold: `file:./${basename(pack.filename)}` },
  }
  writeFileSync(join(project, 'package.json'), JSON.stringify(manifest, null, 2))
  await finished(
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'], project),
  )
})

after(() => {
  for (const { pid } of processesIn(join(project, 'state', 'pg', 'c0')) ?? []) process.kill(pid, 'SIGKILL')
  rmSync(project, { recursive: true, force: true, maxRetries: 5 })
})

test('the package holds the launcher, the build, the documents, and nothing else', () => {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const entries = Object.values(manifest.exports as Record<string, string | Record<string, string>>)
  for (const entry of entries.filter((one) => typeof one !== 'string')) {
    assert.ok(files.includes(entry.default?.slice(2) ?? ''), `${entry.default} is exported and not packed`)
    assert.ok(files.includes(entry.types?.slice(2) ?? ''), `${entry.types} is exported and not packed`)
  }
  const wanted = [
    'bin/tenfold.js',
    'bin/find-node.js',
    'dist/cli/main.js',
    'dist/cli/init/templates/app/app.ts',
    'dist/data/schema/0001_tenfold.sql',
    'LICENSE',
    'README.md',
    'package.json',
  ]
  for (const path of wanted) assert.ok(files.includes(path), `${path} is not packed`)
  const allowed = /^(bin|dist|docs)\/|^(package\.json|LICENSE|README\.md|CHANGELOG\.md|ARCHITECTURE\.md)$/
  const tests = /^(?!.*\/templates\/).*\.test(-d)?\.(ts|js|d\.ts)$/
  assert.deepEqual(
    files.filter((path) => !allowed.test(path) || tests.test(path)),
    [],
  )
  assert.equal(existsSync(join(project, 'node_modules', 'tenfold', 'src')), false)
})

test('Lightbox runs on the installed package', async (t) => {
  const data = join(project, 'state')
  const flags = ['--port', '0', '--console-port', '0', '--data', data]
  const system = tenfold(['start', 'lightbox/app.ts', ...flags])
  stopAfter(t, system, data)
  const [, url] = await shows(system, /^Lightbox is ready at (\S+)/m)
  const john = (await (await fetch(`${url}/users/12`)).json()) as { firstName: string }
  assert.equal(john.firstName, 'John')
  assert.match(await (await fetch(url!)).text(), /<link [^>]*\/assets\//, 'pages find their assets')
  const status = JSON.parse(await finished(tenfold(['status', '--json', '--data', data]))) as SystemStatus
  assert.deepEqual(
    status.nodes.map(({ id, state }) => [id, state]),
    [
      ['web-1', 'healthy'],
      ['c0-pg-1', 'healthy'],
    ],
  )
  await finished(tenfold(['doctor', 'lightbox/app.ts', '--data', data]))
  await finished(tenfold(['stop', '--data', data]))
  await finished(system)
})

/** In case that the test fails before it has stopped the system itself. */
function stopAfter(t: TestContext, system: Run, data: string): void {
  t.after(async () => {
    if (system.child.exitCode !== null) return
    await tenfold(['stop', '--data', data]).ended
    await system.ended
  })
}

test('an app made by the installed `tenfold init` passes its own tests', async () => {
  await finished(tenfold(['init', 'fresh']))
  const dir = join(project, 'fresh')
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const made = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as {
    dependencies: Record<string, string>
  }
  assert.equal(made.dependencies.tenfold, `^${version}`)
  // Its dependencies are those of the project around it, where Node.js looks next.
  assert.match(await finished(run(process.execPath, ['--test'], dir)), /pass 6/)
})
