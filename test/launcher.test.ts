import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'

const BIN = new URL('../bin/', import.meta.url)
const CONDITION = '--conditions=tenfold-source'

/**
 * A stand-in for the command line: says how it was started, then does what its first argument asks.
 * Handlers first, then the line that others wait for.
 */
const STUB = `
let terms = 0
if (process.argv[2] === 'wait') {
  process.on('SIGTERM', () => { terms += 1; process.stdout.write('term ' + terms + '\\n') })
  process.on('SIGINT', () => process.exit(terms + 40))
  process.stdin.resume()
}
const facts: object = { flags: process.execArgv, args: process.argv.slice(2), pid: process.pid, kind: KIND }
process.stdout.write(JSON.stringify(facts) + '\\n')
if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]))
if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL')
`

/** Makes the Node.js that loads it look like an old one, without process.execve. */
const OLD = `
Object.defineProperty(process, 'version', { value: 'v18.20.0' })
process.execve = undefined
process.execArgv.splice(0)
`

describe('launcher', () => {
  let root: string
  const launcher = () => join(root, 'bin', 'tenfold.js')
  const old = () => ['--import', join(root, 'old.mjs')]

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'tenfold-launcher-')))
    cpSync(BIN, join(root, 'bin'), { recursive: true })
    writeFileSync(join(root, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(root, 'old.mjs'), OLD)
  })
  afterEach(() => rmSync(root, { recursive: true }))

  const plant = (path: string, text: string): void => {
    mkdirSync(join(root, path, '..'), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  const plantSource = () => plant('src/cli/main.ts', STUB.replace('KIND', "'source'"))
  const plantBuilt = () => plant('dist/cli/main.js', STUB.replace(': object', '').replace('KIND', "'built'"))
  const plantNode = (version: string, binary: boolean): void => {
    plant('node_modules/node/package.json', JSON.stringify({ name: 'node', version }))
    if (!binary) return
    mkdirSync(join(root, 'node_modules/node/bin'))
    symlinkSync(process.execPath, join(root, 'node_modules/node/bin/node'))
  }
  const run = (flags: string[], ...args: string[]) =>
    spawnSync(process.execPath, [...flags, launcher(), ...args], { encoding: 'utf8', env: { PATH: '' } })

  test('a new Node.js is replaced in place, once, with the source condition', async () => {
    plantSource()
    const child = spawn(process.execPath, [launcher(), 'start', '--x=1 2'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [facts] = await linesOf(child, 1)
    assert.deepEqual(JSON.parse(facts ?? ''), {
      flags: [CONDITION],
      args: ['start', '--x=1 2'],
      pid: child.pid,
      kind: 'source',
    })
  })

  test('the condition is kept when it is there already, also from NODE_OPTIONS', () => {
    plantSource()
    assert.deepEqual(JSON.parse(run(['-C', 'tenfold-source']).stdout).flags, ['-C', 'tenfold-source'])
    const env = { PATH: '', NODE_OPTIONS: CONDITION }
    const child = spawnSync(process.execPath, [launcher()], { encoding: 'utf8', env })
    assert.deepEqual(JSON.parse(child.stdout).flags, [])
  })

  test('the published package runs what was built, in the same process', () => {
    plantBuilt()
    const { flags, kind } = JSON.parse(run([]).stdout)
    assert.deepEqual({ flags, kind }, { flags: [], kind: 'built' })
    assert.equal(run([], 'exit', '3').status, 3)
  })

  test('neither sources nor a build', () => {
    const { status, stderr } = run([])
    assert.equal(status, 1)
    assert.match(stderr, /neither src\/cli\/main\.ts nor dist\/cli\/main\.js.*\nRemedy: `npm run build`/)
  })

  test('an old Node.js hands over to the package node: arguments, exit code, signal', () => {
    plantSource()
    plantNode('24.0.0', true)
    const { stdout, status } = run(old(), 'exit', '7')
    const { flags, args, kind } = JSON.parse(stdout)
    assert.deepEqual({ flags, args, kind }, { flags: [CONDITION], args: ['exit', '7'], kind: 'source' })
    assert.equal(status, 7)
    assert.equal(run(old(), 'die').signal, 'SIGKILL')
  })

  test('a signal to the stand-in or to its group reaches the child once', async () => {
    plantSource()
    plantNode('24.0.0', true)
    const command = [...old(), launcher(), 'wait']
    const child = spawn(process.execPath, command, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    const lines = linesOf(child, 3, (line, count) => {
      if (count === 1 && line.startsWith('{')) child.kill('SIGTERM')
      if (line === 'term 1') process.kill(-(child.pid ?? 0), 'SIGTERM')
      if (line === 'term 2') child.kill('SIGINT')
    })
    const [[code]] = await Promise.all([once(child, 'exit'), lines])
    assert.deepEqual((await lines).slice(1), ['term 1', 'term 2'])
    assert.equal(code, 42)
  })

  test('an old Node.js finds a hoisted package and passes over one that is too old itself', () => {
    plantSource()
    const inner = join(root, 'node_modules', 'tenfold')
    plantNode('24.0.0', true)
    for (const part of ['bin', 'src']) cpSync(join(root, part), join(inner, part), { recursive: true })
    plant('node_modules/tenfold/node_modules/node/package.json', '{ "version": "18.0.0" }')
    const child = spawnSync(process.execPath, [...old(), join(inner, 'bin', 'tenfold.js'), 'exit', '5'])
    // The sources lie below node_modules here, where Node.js strips no types; that it was asked to is the proof.
    assert.match(String(child.stderr), /ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING/)
  })

  test('an old Node.js alone says what is missing', () => {
    plantSource()
    const none = run(old())
    assert.equal(none.status, 1)
    assert.match(none.stderr, /Node\.js 22\.18 or newer is needed, this is v18\.20\.0\.\nRemedy: install/)
    plantNode('24.0.0', false)
    const skipped = run(old())
    assert.equal(skipped.status, 1)
    assert.match(
      skipped.stderr,
      /install script was skipped[\s\S]*`npm rebuild node`.*without --ignore-scripts/,
    )
  })
})

/** The first `count` lines of a child's output, or all of them if it ends before. */
async function linesOf(child: ChildProcess, count: number, on?: (line: string, count: number) => void) {
  const lines: string[] = []
  let rest = ''
  for await (const chunk of child.stdout ?? []) {
    const parts = (rest + chunk).split('\n')
    rest = parts.pop() ?? ''
    for (const line of parts) {
      const total = lines.push(line)
      on?.(line, total)
    }
    if (lines.length >= count) break
  }
  return lines
}
