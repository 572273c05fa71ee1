import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../../src/core/clock.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { DatabaseAddress } from '../../../src/data/postgres/address.ts'
import { connect } from '../../../src/data/postgres/database.ts'
import { giveBack, removeSocketDir } from '../../../src/data/postgres/fixtures/give-back.ts'
import {
  createPostgres,
  type PostgresOptions,
  type PostgresServer,
} from '../../../src/data/postgres/index.ts'

/** One state folder of a test: removed at its end, with every server in it, also when the test fails. */
export interface Scratch {
  readonly dir: string
  readonly dataDir: string
  options(overrides?: Partial<PostgresOptions>): PostgresOptions
  /** A server that is not started yet, stopped at the end of the test. */
  server(overrides?: Partial<PostgresOptions>): PostgresServer
  /** Another process that owns the server, killed at the end of the test. */
  owner(overrides?: Partial<PostgresOptions>, how?: OwnerOptions): Promise<Owner>
}

export interface OwnerOptions {
  /** Runs `owner.ts` of another checkout. */
  readonly script?: string
  /** A shell command line in front, e.g. `ulimit -f 100`. */
  readonly before?: string
  readonly spawn?: SpawnOptions
}

export interface OwnerReport {
  readonly pid?: number
  readonly adopted?: boolean
  readonly created?: boolean
  readonly socketDir?: string
  readonly port?: number
  readonly user?: string
  readonly password?: string
  readonly code?: string
  readonly message?: string
  readonly remedy?: string
}

export interface Owner {
  readonly process: ChildProcess
  /** What it printed: how its server runs, or the error. */
  readonly report: OwnerReport
  /** Ends it with SIGKILL; its server stays. */
  kill(): Promise<void>
}

const OWNER = fileURLToPath(new URL('./owner.ts', import.meta.url))

/**
 * Where scratch folders lie. A killed process loses nothing that the kernel has, so the memory file system, where
 * there is room, proves as much as a disk, ten times as quickly; what is about disks or programs asks for a disk.
 */
function base(disk: boolean): string {
  const memory = '/dev/shm'
  if (disk || !existsSync(memory)) return tmpdir()
  const { bavail, bsize } = statfsSync(memory)
  return bavail * bsize > ROOM_BYTES ? memory : tmpdir()
}

const ROOM_BYTES = 1024 * 1024 * 1024

export function scratch(t: TestContext, where: { at?: string; disk?: boolean } = {}): Scratch {
  const dir = where.at ?? mkdtempSync(join(base(where.disk ?? false), 'tf-pg-'))
  mkdirSync(dir, { recursive: true })
  chmodSync(dir, 0o755) // `mkdtemp` lets nobody in, PostgreSQL's user included
  const dataDir = join(dir, 'pg', 'c0')
  const servers: PostgresServer[] = []
  const owners: Owner[] = []
  t.after(async () => {
    for (const owner of owners) await owner.kill()
    for (const server of servers) await server.stop({ mode: 'immediate' })
    for (const used of dataDirs) {
      await giveBack(used)
      removeSocketDir(used)
    }
    rmSync(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  })
  const dataDirs = new Set([dataDir])
  const options = (overrides: Partial<PostgresOptions> = {}): PostgresOptions => {
    dataDirs.add(overrides.dataDir ?? dataDir)
    const logFile = join(dir, 'logs', 'c0.log')
    const pgBin = process.env.TENFOLD_TEST_PG_BIN
    return { dataDir, runDir: join(dir, 'run'), logFile, log: silentLogger, pgBin, ...overrides }
  }
  return {
    dir,
    dataDir,
    options,
    server: (overrides) => {
      const server = createPostgres(options(overrides))
      servers.push(server)
      return server
    },
    owner: async (overrides, how) => {
      const owner = startOwner(options(overrides), how)
      owners.push(owner)
      return { ...owner, report: await owner.first }
    },
  }
}

/** Starts a process that owns a server; `first` is its first line. */
export function startOwner(
  options: PostgresOptions,
  how: OwnerOptions = {},
): Owner & { first: Promise<OwnerReport> } {
  const { log: _, ...plain } = options
  const command = [process.execPath, how.script ?? OWNER, JSON.stringify(plain)]
  const [program, ...rest] =
    how.before === undefined ? command : ['sh', '-c', `${how.before}; exec "$@"`, 'sh', ...command]
  const child = spawn(program!, rest, { stdio: ['pipe', 'pipe', 'pipe'], ...how.spawn })
  const ended = once(child, 'exit')
  let stderr = ''
  child.stderr?.on('data', (chunk) => {
    stderr += chunk
  })
  const line = once(createInterface({ input: child.stdout! }), 'line').then(([text]) =>
    JSON.parse(text as string),
  )
  const first = Promise.race([
    line,
    ended.then(() => line),
    ended.then(() => once(child.stderr!, 'close')).then(() => ({ message: stderr })),
  ])
  return {
    process: child,
    report: {},
    first,
    kill: async () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
      await ended
    },
  }
}

/** Runs SQL on a fresh connection. */
export async function sql<Row extends object>(
  server: DatabaseAddress | OwnerReport,
  text: string,
): Promise<Row[]> {
  const client = await connect(
    server as Required<Pick<OwnerReport, 'socketDir' | 'port' | 'user' | 'password'>>,
  )
  try {
    return (await client.query(text)).rows as Row[]
  } finally {
    await client.end()
  }
}

/** Waits for a condition of the outside world; fails after ten seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + 10_000
  while (!(await condition())) {
    assert.ok(systemClock.monotonic() < deadline, `gave up waiting until ${what}`)
    await systemClock.sleep(5)
  }
}

/** The error that a promise must reject with. */
export async function rejection(
  promise: Promise<unknown>,
): Promise<Error & { code?: string; remedy?: string }> {
  try {
    await promise
  } catch (error) {
    return error as Error
  }
  throw new assert.AssertionError({ message: 'expected a rejection' })
}

/** Copies a folder with owners and modes, as a person would. */
export function copyFolder(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to])
}
