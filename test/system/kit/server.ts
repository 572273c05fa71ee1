import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { NodeStatus, SystemStatus } from '../../../src/core/topology.ts'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import { giveBack } from '../../../src/data/postgres/fixtures/give-back.ts'
import { readOwner } from '../../../src/supervisor/owner-notes.ts'
import { until, within } from './deadline.ts'
import { testFolder } from './folder.ts'
import { spareInitdb } from './spare-initdb.ts'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
/** As `npm start` has it: without the condition the launcher would begin once more. */
const TENFOLD = ['--conditions=tenfold-source', 'bin/tenfold.js']

/** The kit's own app. */
export const KIT_APP = 'test/system/kit/app.ts'

/** Milliseconds within which a system must serve again, whatever was done to it. */
const READY_MS = 30_000
/** Milliseconds between two questions for a status: every node is asked for it, and has better to do while it repairs. */
const STATUS_PACE_MS = 50

/** `tenfold start` as a process of its own, as a user has it. */
export class ServerProcess {
  readonly url: string
  readonly #consoleUrl: string
  /** Its state folder. */
  readonly data: string
  readonly #child: ChildProcess
  readonly #ended: Promise<void>

  private constructor(child: ChildProcess, ended: Promise<void>, status: SystemStatus, data: string) {
    this.#child = child
    this.#ended = ended
    this.data = data
    this.url = status.url
    this.#consoleUrl = status.consoleUrl!
  }

  /** Starts and waits until it says that it is ready; it ends, and its own folder goes, with the test. */
  static async start(
    t: TestContext,
    options: {
      app?: string
      clusters?: number
      dir?: string
      flags?: readonly string[]
      env?: Readonly<Record<string, string>>
    } = {},
  ): Promise<ServerProcess> {
    const { app = KIT_APP, clusters = 1, flags = [] } = options
    const dir = options.dir ?? testFolder('tenfold-kit-')
    const data = join(dir, 'state')
    await spareInitdb(data)
    const args = [...TENFOLD, 'start', app, '--json', '--port', '0', '--console-port', '0']
    const all = [...args, '--data', data, '--clusters', String(clusters), ...flags]
    const env = { ...process.env, ...options.env }
    const child = spawn(process.execPath, all, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env })
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    tie(child)
    const started = within(firstStatus(child), 'tenfold start').then(
      (status) => new ServerProcess(child, ended, status, data),
    )
    t.after(async () => {
      await started.then(
        (server) => server.stop(),
        () => child.kill('SIGKILL'),
      )
      if (!options.dir) rmSync(dir, { recursive: true, force: true })
    })
    return started
  }

  /** What the running system says of itself; undefined while it says nothing. */
  async status(): Promise<SystemStatus | undefined> {
    const signal = AbortSignal.timeout(READY_MS)
    try {
      const response = await fetch(`${this.#consoleUrl}/api/status`, { signal })
      return (await response.json()) as SystemStatus
    } catch {
      return undefined
    }
  }

  async node(tier: 'web' | 'data'): Promise<NodeStatus | undefined> {
    return (await this.status())?.nodes.find((node) => node.tier === tier)
  }

  /** The supervisor's process: at the stages after `single` no node of its own. */
  get supervisor(): number | undefined {
    return readOwner(this.data).server?.pid
  }

  /** Resolves with what `find` finds in its status. */
  until<Value>(what: string, find: (status: SystemStatus) => Value | undefined): Promise<Value> {
    return until(
      what,
      async () => {
        const status = await this.status()
        return status && find(status)
      },
      READY_MS,
      STATUS_PACE_MS,
    )
  }

  /** Runs a command on it. @throws what it says when it fails */
  async command(...args: string[]): Promise<string> {
    const all = [...TENFOLD, ...args, '--data', this.data]
    const { stdout } = await promisify(execFile)(process.execPath, all, { cwd: ROOT })
    return stdout
  }

  /** Resolves when requests are answered again, all nodes included. */
  async ready(): Promise<SystemStatus> {
    return until(
      'ready again',
      async () => {
        const status = await this.status()
        return status?.state === 'ready' && status.nodes.every(({ pid }) => pid !== null) ? status : undefined
      },
      READY_MS,
      STATUS_PACE_MS,
    )
  }

  /** How to reach the embedded PostgreSQL directly, around the server. */
  async connections(): Promise<ConnectionOptions[]> {
    const { app, nodes, directory } = await this.ready()
    const primaries = nodes.filter(({ tier, role }) => tier === 'data' && role === 'primary')
    return Object.keys(directory.clusters).map((cluster) => {
      // At stage `single` all clusters are databases of one server.
      const { address } = primaries.find((node) => node.cluster === cluster) ?? primaries[0]!
      const folder =
        cluster === 'c0' || primaries.length === 1 ? this.postgresFolder : join(this.data, 'pg', cluster)
      const password = readFileSync(`${folder}.tenfold/password`, 'utf8').trim()
      return { host: address, port: 5432, user: 'tenfold', password, database: `${app}_${cluster}` }
    })
  }

  /** PostgreSQL's data folder: every process of the server works in it. */
  get postgresFolder(): string {
    return join(this.data, 'pg', 'c0')
  }

  /** Of every data node that it has, or had. */
  get dataFolders(): string[] {
    const parent = join(this.data, 'pg')
    return existsSync(parent) ? readdirSync(parent).map((name) => join(parent, name)) : []
  }

  /** What it logged, for a failed test. */
  logTail(): string {
    try {
      const lines = readFileSync(join(this.data, 'logs', 'server.log'), 'utf8').split('\n')
      return lines
        .filter((line) => !line.includes('"msg":"request"'))
        .slice(-40)
        .join('\n')
    } catch (error) {
      return String(error)
    }
  }

  /** Stops it; what does not stop is killed, so that no test leaves a process behind. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const status = await this.status()
    this.#child.kill('SIGTERM')
    await within(this.#ended, 'the stop of tenfold start').catch(() => {
      this.#child.kill('SIGKILL')
      for (const { pid } of status?.nodes ?? []) killQuietly(pid)
    })
    for (const folder of this.dataFolders) await giveBack(folder)
  }
}

function killQuietly(pid: number | null): void {
  try {
    if (pid !== null) process.kill(pid, 'SIGKILL')
  } catch {
    // gone by itself
  }
}

/** The runner ends a file that hangs by a signal, and then no hook runs: the child must not outlive it. */
function tie(child: ChildProcess): void {
  const end = (): void => {
    child.kill('SIGTERM')
  }
  const interrupted = (): void => process.exit(143)
  process.once('exit', end)
  process.once('SIGTERM', interrupted)
  child.once('exit', () => {
    process.removeListener('exit', end)
    process.removeListener('SIGTERM', interrupted)
  })
}

/** The one JSON object on standard output; the error output explains why there is none. */
function firstStatus(child: ChildProcess): Promise<SystemStatus> {
  return new Promise((resolve, reject) => {
    let [output, errors] = ['', '']
    child.stderr!.on('data', (chunk) => {
      errors += chunk
    })
    child.stdout!.on('data', (chunk) => {
      output += chunk
      if (output.trimEnd().endsWith('\n}')) resolve(JSON.parse(output) as SystemStatus)
    })
    child.once('exit', (code) => reject(new Error(`tenfold start ended with ${code}:\n${errors}`)))
    child.once('error', reject)
  })
}
