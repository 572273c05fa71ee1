import { spawn } from 'node:child_process'
import { closeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { type Account, barrierOnTheWay } from './account.ts'
import { PostgresFailed, PostgresUserUnusable } from './errors.ts'
import { openLog } from './log-file.ts'
import { identify, isAlive, type ProcessIdentity } from './process.ts'

/** A postmaster that we started or adopted. */
export interface Postmaster {
  readonly identity: ProcessIdentity
  /** Resolves when it is gone. Never rejects. */
  readonly gone: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>
}

/** How often an adopted postmaster, which is not our child, is looked at. */
const WATCH_MS = 50

/**
 * How the server names its data folder. When root keeps data under a folder that only root may enter, no absolute
 * path works for an unprivileged server; but its processes are started *in* the data folder and never leave it, and
 * Linux names that place without walking there.
 */
export function serverPath(dir: string, account: Account): string {
  const barrier = barrierOnTheWay(dirname(dir), account)
  if (barrier === undefined) return dir
  if (process.platform === 'linux') return '/proc/self/cwd'
  throw new PostgresUserUnusable(
    `PostgreSQL runs as an unprivileged user, who may not enter ${barrier}.`,
    'Use a folder elsewhere with --data DIR, or start Tenfold as an ordinary user.',
  )
}

/** Only what PostgreSQL needs: our environment may hold secrets, and PG* variables would change its behaviour. */
export function serverEnvironment(): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { LC_ALL: 'C' }
  for (const name of ['PATH', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH', 'TMPDIR'])
    if (process.env[name] !== undefined) env[name] = process.env[name]
  return env
}

/** Starts `postgres` in a session of its own: neither Ctrl-C nor the death of this process reaches it. */
export async function launch(options: {
  readonly binDir: string
  readonly dataDir: string
  readonly flags: readonly string[]
  readonly account: Account
  readonly logFile: string
}): Promise<Postmaster> {
  const { account, dataDir } = options
  const log = openLog(options.logFile)
  try {
    const child = spawn(
      join(options.binDir, 'postgres'),
      ['-D', serverPath(dataDir, account), ...options.flags],
      {
        cwd: dataDir,
        env: serverEnvironment(),
        stdio: ['ignore', log, log],
        detached: true,
        ...(account.steppedDown && { uid: account.uid, gid: account.gid }),
      },
    )
    const gone = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }))
      child.once('error', () => resolve({ code: null, signal: null }))
    })
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve)
      child.once('error', (error) => reject(new PostgresFailed(error.message, '', { cause: error })))
    })
    child.unref()
    // It may be gone already; then `gone` tells, and no later process must be taken for it.
    const identity = identify(child.pid!) ?? { pid: child.pid!, started: 'gone' }
    return { identity, gone }
  } finally {
    closeSync(log)
  }
}

/** Watches a postmaster that somebody else started. */
export function watch(identity: ProcessIdentity, clock: Clock): Postmaster {
  const gone = new Promise<{ code: null; signal: null }>((resolve) => {
    const look = (): void => {
      if (isAlive(identity)) clock.timer(WATCH_MS, look)
      else resolve({ code: null, signal: null })
    }
    look()
  })
  return { identity, gone }
}
