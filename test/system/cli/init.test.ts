import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { within } from '../kit/deadline.ts'
import { place } from './kit.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/** Runs a program as `npm run` would in the new app. */
function runIn(dir: string, args: readonly string[]): Promise<{ code: number | null; text: string }> {
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    NODE_OPTIONS: '--conditions=tenfold-source',
  }
  delete env.NODE_TEST_CONTEXT
  const child = spawn(process.execPath, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk) => (text += chunk))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, text })))
}

test('init makes an app that starts, whose types hold and whose tests pass', async (t) => {
  const here = place(t)
  const dir = join(here.dir, 'My App')
  const made = await here.run(['init', dir])
  assert.equal(made.code, 0, made.err)
  for (const file of [
    'app.ts',
    '.gitignore',
    '.github/workflows/ci.yml',
    'deploy/my-app.service',
    'Dockerfile',
  ])
    assert.ok(existsSync(join(dir, file)), file)
  assert.doesNotMatch(
    made.out
      .split('\n')
      .map((file) => readFileSync(join(dir, file || 'app.ts'), 'utf8'))
      .join(''),
    /__[A-Z]+__/,
  )

  // What `npm install` would do with the dependencies of its package.json.
  mkdirSync(join(dir, 'node_modules', '@types'), { recursive: true })
  symlinkSync(ROOT, join(dir, 'node_modules', 'tenfold'))
  for (const name of ['kysely', '@types/node'])
    symlinkSync(join(ROOT, 'node_modules', name), join(dir, 'node_modules', name))

  const tests = await within(runIn(dir, ['--test']), 'the tests of the new app', 120_000)
  assert.equal(tests.code, 0, tests.text)
  assert.match(tests.text, /pass 6/)
  const types = await within(
    runIn(dir, [
      join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'),
      '--noEmit',
      '--customConditions',
      'tenfold-source',
    ]),
    'tsc',
    120_000,
  )
  // Tenfold's own sources are checked elsewhere, under stricter settings; a published package has declarations.
  assert.doesNotMatch(types.text, /^(?!\.\.\/)[\w./-]+\.ts\(/m)

  const started = here.command(['start', '--data', here.data, '--port', '0', '--console-port', '0'], {
    cwd: dir,
  })
  const line = await started.shows(/^My-app is ready at .*$/m)
  const url = /http:\/\/[\d.:]+/.exec(line)![0]
  assert.match(await (await fetch(url)).text(), /Write the first note/)
  const schema = await here.run(['types', '--data', here.data], { cwd: dir })
  assert.equal(
    schema.out,
    readFileSync(join(dir, 'schema.ts'), 'utf8'),
    'the template has what `tenfold types` writes',
  )
  const doctor = await here.run(['doctor', '--data', here.data], { cwd: dir })
  assert.equal(doctor.code, 0, doctor.out)
})

test('init refuses a folder that is not empty', async (t) => {
  const here = place(t)
  const { code, err } = await here.run(['init', here.app])
  assert.equal(code, 1)
  assert.match(err, /is not empty: it has app\.ts.*\n.*Nothing was written.*\n.*TENFOLD_FOLDER_NOT_EMPTY/)
})
