import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { SystemStatus } from '../../../src/core/topology.ts'
import { giveBack, removeSocketDir } from '../../../src/data/postgres/fixtures/give-back.ts'
import { identify } from '../../../src/data/postgres/process.ts'
import { askStatus } from '../../../src/supervisor/control-client.ts'
import { readOwner } from '../../../src/supervisor/owner-notes.ts'
import { until, within } from '../kit/deadline.ts'
import { testFolder } from '../kit/folder.ts'
import { spareInitdb } from '../kit/spare-initdb.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const LAUNCHER = join(ROOT, 'bin', 'tenfold.js')
const FIXTURE = fileURLToPath(new URL('./fixtures/app/', import.meta.url))

/** How a command ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
}

/** A command that runs. */
export interface Command {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  /** What it has printed so far. */
  readonly so: { out: string; err: string }
  /** Resolves when `pattern` shows on standard output or error. */
  shows(pattern: RegExp, where?: 'out' | 'err'): Promise<string>
}

/** One temporary folder with an application and a state folder; everything in it ends with the test. */
export interface Place {
  readonly dir: string
  readonly app: string
  readonly data: string
  command(args: readonly string[], options?: CommandOptions): Command
  /** Runs to the end. */
  run(args: readonly string[], options?: CommandOptions): Promise<Ended>
  /** `tenfold start` with free ports and this state folder, until it is ready. */
  start(flags?: readonly string[], options?: StartOptions): Promise<Running>
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>
  /** A shell command line in front, e.g. `ulimit -f 100`. */
  readonly before?: string
  readonly cwd?: string
}

export interface StartOptions extends CommandOptions {
  /** The first start makes its database from nothing, as a user's does; else it is spared `initdb`. */
  readonly fromNothing?: true
}

/** A system that was ready. */
export interface Running {
  readonly guard: Command
  readonly url: string
  readonly readyLine: string
  /** What `tenfold status` prints, asked as it asks. */
  status(): Promise<SystemStatus>
  pidOf(node: string): Promise<number>
  get(path: string): Promise<Response>
  post(path: string): Promise<Response>
}

export function place(t: TestContext): Place {
  const dir = testFolder('tenfold-cli-')
  const app = join(dir, 'app')
  const data = join(dir, 'state')
  cpSync(FIXTURE, app, { recursive: true })
  writeFileSync(join(app, 'package.json'), '{ "name": "tally", "private": true, "type": "module" }\n')
  mkdirSync(join(app, 'node_modules'))
  symlinkSync(ROOT, join(app, 'node_modules', 'tenfold'))
  const commands: Command[] = []
  const folders = new Set([join(app, '.tenfold')])
  const command: Place['command'] = (args, options) => {
    const at = args.indexOf('--data')
    if (at >= 0) folders.add(args[at + 1]!)
    const started = launch(args, { cwd: app, ...options })
    commands.push(started)
    return started
  }
  t.after(async () => {
    for (const { child } of commands) child.kill('SIGKILL')
    for (const folder of folders) await endAll(folder)
    await Promise.all(commands.map(({ ended }) => within(ended, 'the end of a command')))
    for (const { child } of commands) for (const stream of [child.stdout, child.stderr]) stream?.destroy()
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  })
  const here: Place = {
    dir,
    app,
    data,
    command,
    run: (args, options) => within(command(args, options).ended, `tenfold ${args.join(' ')}`),
    start: async (flags = [], options) => {
      if (!options?.fromNothing && !flags.includes('--database')) await spareInitdb(data)
      const guard = command(['start', '--data', data, ...freePorts(flags), ...flags], options)
      const readyLine = await ready(guard)
      return running(here, guard, readyLine)
    },
  }
  return here
}

const freePorts = (flags: readonly string[]): string[] =>
  ['--port', '--console-port'].filter((flag) => !flags.includes(flag)).flatMap((flag) => [flag, '0'])

async function ready(guard: Command): Promise<string> {
  const failed = guard.ended.then(({ code, err }) => {
    throw new Error(`tenfold start ended with ${code} before it was ready:\n${err}`)
  })
  return within(Promise.race([guard.shows(/^.* is ready at .*$/m), failed]), 'readiness')
}

function running(here: Place, guard: Command, readyLine: string): Running {
  const url = /https?:\/\/[\d.:]+/.exec(readyLine)![0]
  const status = (): Promise<SystemStatus> => askStatus(here.data)
  return {
    guard,
    url,
    readyLine,
    status,
    pidOf: async (id) => {
      const node = (await status()).nodes.find((one) => one.id === id)
      assert.ok(node?.pid, `${id} runs`)
      return node.pid
    },
    get: (path) => fetch(url + path),
    post: (path) => fetch(url + path, { method: 'POST' }),
  }
}

function launch(args: readonly string[], options: CommandOptions): Command {
  // As `npm start` has it: without the condition the launcher would begin once more, which test/launcher.test.ts has.
  const line = [process.execPath, '--conditions=tenfold-source', LAUNCHER, ...args]
  const [program, ...rest] =
    options.before === undefined ? line : ['/bin/sh', '-c', `${options.before}; exec "$@"`, 'sh', ...line]
  const child = spawn(program!, rest, {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...cleanEnvironment(), ...options.env },
  })
  const so = { out: '', err: '' }
  const waiting: { check: () => void }[] = []
  for (const [name, stream] of [
    ['out', child.stdout],
    ['err', child.stderr],
  ] as const) {
    stream.setEncoding('utf8')
    stream.on('data', (chunk: string) => {
      so[name] += chunk
      for (const { check } of waiting) check()
    })
  }
  const ended = new Promise<Ended>((resolve) => {
    // `exit`, not `close`: a server process that outlives its guard keeps the pipe open.
    child.on('exit', (code, signal) => setImmediate(() => resolve({ code, signal, ...so })))
  })
  return {
    child,
    so,
    ended,
    shows: (pattern, where = 'out') =>
      within(
        new Promise((resolve) => {
          const check = (): void => {
            const match = pattern.exec(so[where])
            if (match) resolve(match[0])
          }
          waiting.push({ check })
          check()
        }),
        `${pattern} on ${where}`,
      ),
  }
}

/** Without what the test runner or the person at the keyboard has set for Tenfold. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !name.startsWith('TENFOLD_') && name !== 'NODE_TEST_CONTEXT',
    ),
  )
}

/** Ends every process that a state folder knows of: guard, server and nodes at once, then each PostgreSQL. */
async function endAll(data: string): Promise<void> {
  for (const name of ['guard.json', 'server.json']) {
    const pid = pidIn(join(data, name))
    if (pid !== undefined) kill(pid)
  }
  for (const file of filesIn(join(data, 'nodes'))) {
    const pid = pidIn(file)
    if (pid !== undefined) kill(pid)
  }
  for (const folder of filesIn(join(data, 'pg'))) {
    await giveBack(folder)
    removeSocketDir(folder)
  }
}

const filesIn = (folder: string): string[] =>
  existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : []

function pidIn(file: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(file, 'utf8')) as { pid: number }).pid
  } catch {
    return undefined
  }
}

/** SIGKILL of guard and server; what they have started goes on. */
export async function killOwners({ data }: Place, { guard }: Running): Promise<void> {
  const owner = readOwner(data)
  for (const process of [owner.guard, owner.server]) if (process !== undefined) kill(process.pid)
  await within(guard.ended, 'the end of the guard')
  await until('the end of the server', () => (readOwner(data).server === undefined ? true : undefined))
}

/** SIGKILL; one that is gone already is fine. */
export function kill(pid: number, signal: NodeJS.Signals = 'SIGKILL'): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Whether a process with this id runs; one that is dead and not yet buried does not. */
export function runs(pid: number): boolean {
  return identify(pid) !== undefined
}
