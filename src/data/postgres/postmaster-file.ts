import { readFileSync, statSync, unlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type ProcessIdentity, processesIn } from './process.ts'

/** What a running postmaster writes about itself into `postmaster.pid`. */
export interface PostmasterFile {
  readonly pid: number
  /** Seconds since the epoch. */
  readonly startedSeconds: number
  readonly port: number
  readonly socketDir: string
  readonly status: 'starting' | 'ready' | 'standby' | 'stopping' | 'unknown'
}

const STATUSES = ['starting', 'ready', 'standby', 'stopping'] as const

/** Parses `postmaster.pid`; its lines are listed in PostgreSQL's `utils/pidfile.h`. */
export function parsePostmasterFile(text: string): PostmasterFile | undefined {
  const [pid = '', , started = '', port = '', socketDir = '', , , status = ''] = text.split('\n')
  const number = Math.abs(Number.parseInt(pid, 10))
  if (!Number.isInteger(number) || number === 0) return undefined
  return {
    pid: number,
    startedSeconds: Number(started) || 0,
    port: Number(port) || 0,
    socketDir,
    status: STATUSES.find((known) => known === status.trim()) ?? 'unknown',
  }
}

export function readPostmasterFile(dataDir: string): PostmasterFile | undefined {
  try {
    return parsePostmasterFile(readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** What runs on a data folder. */
export interface Running {
  /** The live postmaster, if any. */
  readonly postmaster: ProcessIdentity | undefined
  readonly file: PostmasterFile | undefined
  /** Other processes of this folder: backends that outlived their postmaster, unless there is one. */
  readonly others: readonly ProcessIdentity[]
}

/** Finds the postmaster of a data folder, and tells it from a stranger that has its old process id. */
export function findRunning(dataDir: string): Running {
  const file = readPostmasterFile(dataDir)
  const here = processesIn(dataDir)
  const postmaster = file && here.find(({ pid }) => pid === file.pid)
  return { postmaster, file, others: here.filter(({ pid }) => pid !== postmaster?.pid) }
}

/**
 * Removes the file of a dead postmaster. PostgreSQL would do so itself, except when an unrelated process of the
 * same user has that id by now: then it refuses to start. Only to be called when no process of the folder is left.
 */
export function removeStalePostmasterFile(dataDir: string): void {
  const path = join(dataDir, 'postmaster.pid')
  if (statSync(path, { throwIfNoEntry: false })) unlinkSync(path)
}
