#!/usr/bin/env node
// The launcher of the `tenfold` command. Plain, old syntax on purpose: it must still run on a Node.js that is
// too old for everything else, and then find the right one or say what is missing.
import { spawn } from 'child_process'
import { existsSync } from 'fs'
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'
import { findNode, NodeMissing } from './find-node.js'

const CONDITION = '--conditions=tenfold-source'
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR2']

const self = fileURLToPath(import.meta.url)
const root = dirname(dirname(self))
const source = join(root, 'src', 'cli', 'main.ts')

function fail(lines) {
  process.stderr.write(`tenfold: ${lines.join('\n')}\n`)
  process.exit(1)
}

/** A checkout runs its sources, which import `tenfold` by its published name: only the condition leads that back to src. */
function hasCondition() {
  const flags = process.execArgv.concat((process.env.NODE_OPTIONS || '').split(/\s+/))
  return / (--conditions|-C)[ =]tenfold-source /.test(` ${flags.join(' ')} `)
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
    fail([`cannot run ${child.spawnfile}: ${error.message}`])
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
  const binary = findNode(root)
  if (binary !== process.execPath) return become(binary)
  const built = join(root, 'dist', 'cli', 'main.js')
  const entry = existsSync(source) ? source : built
  if (entry === source && !hasCondition()) return become(binary)
  if (!existsSync(entry)) {
    return fail([
      `neither src/cli/main.ts nor dist/cli/main.js exists in ${root}.`,
      'Remedy: `npm run build`.',
    ])
  }
  return import(pathToFileURL(entry).href)
}

try {
  void main()
} catch (error) {
  if (!(error instanceof NodeMissing)) throw error
  fail([error.message])
}
