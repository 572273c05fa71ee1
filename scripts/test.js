// npm test: every phase in order, then the totals.
//   node scripts/test.js [--long] [phase …] [part of a path …] [--test-… flags for Node's test runner]
import { spawn } from 'child_process'
import { mkdtempSync, readFileSync, rmSync } from 'fs'
import { homedir, tmpdir } from 'os'
import { delimiter, dirname, join } from 'path'
import { fileURLToPath } from 'url'
import { findNode } from '../bin/find-node.js'
import { ensureChromium } from './chromium.js'
import { hasLongForm, keepLongResults } from './long-results.js'
import { ensurePatroni } from './patroni.js'
import { filesOf, PHASES } from './phases.js'
import { ensureStrace } from './strace.js'

/** Files at once: tests that compute keep two processors busy by themselves, those that kill and wait do not. */
const CONCURRENCY = { engine: 4, system: 3, app: 3 }
/** These wait for most of their time: of them four at once leave the processors as much as three of the others. */
const WAITING = /^test\/system\/(failover\/|jobs\/|replicated\/(jobs|waiting)\.)/
const WAITING_CONCURRENCY = 4
/** Bounds a hang, not a slow machine. */
const FILE_TIMEOUT_MS = 300000
const LONG_TIMEOUT_MS = 7200000
const GRACE_MS = 8000

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const args = process.argv.slice(2)
const long = args.indexOf('--long') >= 0
const flags = args.filter((arg) => arg.startsWith('--') && arg !== '--long')
const words = args.filter((arg) => !arg.startsWith('--'))
const named = PHASES.filter((phase) => words.indexOf(phase) >= 0)
const filters = words.filter((word) => PHASES.indexOf(word) < 0)

/** What failed, told once more at the end: what was printed above it may be long gone. */
const broken = []
let running
let interrupted = 0

function say(text) {
  process.stderr.write(`${text}\n`)
}

/** Runs a program in a process group of its own, so that an interrupt ends all it has started. */
function run(command, env) {
  return new Promise((resolve) => {
    const child = spawn(command[0], command.slice(1), { cwd: root, stdio: 'inherit', detached: true, env })
    running = child
    child.on('error', (error) => {
      say(`cannot run ${command[0]}: ${error.message}`)
      resolve(1)
    })
    child.on('exit', (code) => {
      running = undefined
      resolve(code === null ? 1 : code)
    })
  })
}

function interrupt(signal) {
  interrupted += 1
  if (!running) process.exit(130)
  const group = -running.pid
  signalGroup(group, interrupted > 1 ? 'SIGKILL' : signal)
  setTimeout(signalGroup, GRACE_MS, group, 'SIGKILL').unref()
}

function signalGroup(group, signal) {
  try {
    process.kill(group, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

async function check(node, env) {
  const tools = [
    ['tsc', 'typescript/bin/tsc', '--noEmit'],
    ['biome', '@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.'],
  ]
  const result = { passed: 0, failed: 0, skipped: 0 }
  for (const [name, path, ...rest] of tools) {
    const code = await run([node, join(root, 'node_modules', path), ...rest], env)
    say(`${code === 0 ? 'ok' : 'FAILED'} ${name}`)
    if (code === 0) result.passed += 1
    else result.failed += 1
  }
  return result
}

async function tests(node, env, files, concurrency) {
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-counts-'))
  const totals = join(folder, 'counts.json')
  const command = [node, '--conditions=tenfold-source', '--test', `--test-concurrency=${concurrency}`]
  command.push(`--test-timeout=${long ? LONG_TIMEOUT_MS : FILE_TIMEOUT_MS}`)
  command.push('--test-reporter=spec', '--test-reporter-destination=stdout')
  command.push(
    `--test-reporter=${join(root, 'scripts', 'counts.js')}`,
    `--test-reporter-destination=${totals}`,
  )
  const code = await run(command.concat(flags, files), env)
  const result = { passed: 0, failed: 0, skipped: 0 }
  try {
    const lines = readFileSync(totals, 'utf8').trim().split('\n')
    const counted = lines.map((line) => JSON.parse(line))
    const { passed, failed, skipped } = counted.find(
      (line) => line.file === undefined && line.broken === undefined,
    )
    Object.assign(result, { passed, failed, skipped })
    broken.push(...counted.filter((line) => line.broken !== undefined))
    if (long)
      keepLongResults(
        root,
        node,
        counted.filter(({ file }) => file !== undefined),
      )
  } catch (error) {
    say(`the test runner ended without a summary: ${error.message}`)
  }
  rmSync(folder, { recursive: true })
  if (result.passed + result.failed === 0) say('no test was executed, which counts as a failure')
  if (result.failed === 0 && (code !== 0 || result.passed === 0)) result.failed = 1
  return result
}

/** Programs that some tests need: which tests, and what finds or installs them. */
const PROGRAMS = [
  ['test/system/patroni/', ensurePatroni],
  ...(process.platform === 'linux' ? [['/slow-disk.test.ts', ensureStrace]] : []),
]

/** Beforehand: an installation beside tests would disturb those that watch the time. */
function preparePrograms(env, files) {
  for (const [part, ensure] of PROGRAMS) {
    if (!files.some((file) => file.includes(part))) continue
    try {
      ensure(env)
    } catch (error) {
      say(error.message) // its tests are skipped for that reason, or fail with it in CI
    }
  }
}

async function phase(name, node, env) {
  if (name === 'check') return check(node, env)
  const files = filesOf(root, name, filters).filter((file) => !long || hasLongForm(root, file))
  if (files.length === 0) {
    // Not every phase has long forms.
    const may = named.length === 0 || filters.length > 0 || long
    say(may ? 'no test files' : 'no test files, which counts as a failure')
    return { passed: 0, failed: may ? 0 : 1, skipped: 0 }
  }
  if (name === 'system') preparePrograms(env, files)
  if (name !== 'browser') {
    // A pattern of names may meet no test in one of the two runs, which would count as a failure.
    const waiting = files.filter((file) => flags.length === 0 && WAITING.test(file))
    const others = files.filter((file) => waiting.indexOf(file) < 0)
    const result = { passed: 0, failed: 0, skipped: 0 }
    for (const [some, concurrency] of [
      [others, CONCURRENCY[name] || 2],
      [waiting, WAITING_CONCURRENCY],
    ]) {
      if (some.length === 0 || interrupted) continue
      const found = await tests(node, env, some, concurrency)
      for (const count of Object.keys(result)) result[count] += found[count]
    }
    return result
  }
  try {
    return await tests(node, { ...env, CHROME_PATH: ensureChromium(env) }, files, 2)
  } catch (error) {
    say(error.message)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

async function main() {
  const node = findNode(root)
  const path = [dirname(node), join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter)
  const env = { ...process.env, PATH: path, ...(long ? { TENFOLD_TEST_LONG: '1' } : {}) }
  // The same folder as the command's: a file is compiled once, not once for each of two hundred processes.
  env.NODE_COMPILE_CACHE ||= join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tenfold', 'node')
  const chosen = named.length > 0 ? named : PHASES.filter((name) => filters.length === 0 || name !== 'check')
  const lines = []
  const sum = { passed: 0, failed: 0 }
  for (const [i, name] of chosen.entries()) {
    if (interrupted) break
    say(`\n== ${name} (${i + 1}/${chosen.length})`)
    const started = process.hrtime()
    const result = await phase(name, node, env)
    const [s, ns] = process.hrtime(started)
    const counts = `${result.passed} passed, ${result.failed} failed, ${result.skipped} skipped`
    lines.push(`${name.padEnd(12)} ${`${(s + ns / 1e9).toFixed(1)} s`.padStart(9)}   ${counts}`)
    sum.passed += result.passed
    sum.failed += result.failed
  }
  for (const { broken: name, place, why } of broken) say(`\nFAILED ${place}\n${name}\n${why}`)
  say(`\n${lines.join('\n')}${interrupted ? '\ninterrupted' : ''}`)
  process.stdout.write(`${sum.passed} passed, ${sum.failed} failed\n`)
  process.exitCode = interrupted ? 130 : sum.failed > 0 || sum.passed === 0 ? 1 : 0
}

process.on('SIGINT', interrupt)
process.on('SIGTERM', interrupt)
main().catch((error) => {
  say(`tenfold: ${error.message}`)
  process.exitCode = 1
})
