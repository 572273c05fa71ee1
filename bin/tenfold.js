#!/usr/bin/env node
// The launcher of the `tenfold` command. Plain, old syntax on purpose: it must still run on a Node.js that is
// too old for everything else, and then find the right one or say what is missing.
import { spawn } from 'child_process'
import { existsSync, readFileSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'

const NEEDED = [22, 18]
const CONDITION = '--conditions=tenfold-source'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']

const self = fileURLToPath(import.meta.url)
const root = dirname(dirname(self))
const source = join(root, 'src', 'cli', 'main.ts')

function fail(lines) {
  process.stderr.write('tenfold: ' + lines.join('\n') + '\n')
  process.exit(1)
}

function isNewEnough(version) {
  const parts = version.replace(/^v/, '').split('.').map(Number)
  return parts[0] > NEEDED[0] || (parts[0] === NEEDED[0] && parts[1] >= NEEDED[1])
}

/** A checkout runs its sources, which import `tenfold` by its published name: only the condition leads that back to src. */
function hasCondition() {
  const flags = process.execArgv.concat((process.env.NODE_OPTIONS || '').split(/\s+/))
  return / (--conditions|-C)[ =]tenfold-source /.test(' ' + flags.join(' ') + ' ')
}

/** The packages named `node` in our own node_modules and in every one above it (hoisted), nearest first. */
function nodePackages() {
  const found = []
  let folder = root
  for (;;) {
    const candidate = join(folder, 'node_modules', 'node')
    if (existsSync(join(candidate, 'package.json'))) found.push(candidate)
    if (dirname(folder) === folder) return found
    folder = dirname(folder)
  }
}

function versionOf(folder) {
  return String(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version)
}

/** The binary of a new enough `node` package, or nothing after having said what is missing. */
function findNode() {
  const packages = nodePackages().filter(function (folder) {
    return isNewEnough(versionOf(folder))
  })
  for (let i = 0; i < packages.length; i++) {
    const binary = join(packages[i], 'bin', 'node')
    if (existsSync(binary)) return binary
  }
  const needed = NEEDED.join('.')
  const head = 'Node.js ' + needed + ' or newer is needed, this is ' + process.version + '.'
  if (packages.length === 0) {
    return fail([
      head,
      'Remedy: install Node.js ' + needed + ' or newer (https://nodejs.org). In a checkout of Tenfold,',
      '`npm ci` installs it as the package `node`.',
    ])
  }
  return fail([
    head,
    'The package `node` that brings it is installed without its binary: its install script was skipped',
    '(' + packages[0] + ').',
    'Remedy: `npm rebuild node`, or `npm ci` without --ignore-scripts, or install Node.js ' +
      needed +
      ' yourself.',
  ])
}

/** Becomes another Node with the same arguments: in place where the system call is at hand, else as its parent. */
function become(binary) {
  const flags = process.execArgv.concat(existsSync(source) && !hasCondition() ? [CONDITION] : [])
  const args = flags.concat([self], process.argv.slice(2))
  if (process.execve && process.platform !== 'win32')
    process.execve(binary, [binary].concat(args), process.env)
  follow(spawn(binary, args, { detached: true, stdio: 'inherit' }))
}

/**
 * Stands in for the child: signals in, exit code or signal out. The child has a process group of its own, since a
 * terminal's Ctrl-C goes to a whole group and would reach it twice, once directly and once from here.
 */
function follow(child) {
  function forward(signal) {
    child.kill(signal)
  }
  SIGNALS.forEach(function (signal) {
    process.on(signal, forward)
  })
  child.on('error', function (error) {
    fail(['cannot run ' + child.spawnfile + ': ' + error.message])
  })
  child.on('exit', function (code, signal) {
    if (signal === null) process.exit(code)
    SIGNALS.forEach(function (name) {
      process.removeListener(name, forward)
    })
    process.kill(process.pid, signal)
  })
}

function main() {
  if (!isNewEnough(process.version)) return become(findNode())
  const built = join(root, 'dist', 'cli', 'main.js')
  const entry = existsSync(source) ? source : built
  if (entry === source && !hasCondition()) return become(process.execPath)
  if (!existsSync(entry)) {
    return fail([
      'neither src/cli/main.ts nor dist/cli/main.js exists in ' + root + '.',
      'Remedy: `npm run build`.',
    ])
  }
  return import(pathToFileURL(entry).href)
}

main()
