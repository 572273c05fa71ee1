import { chmodSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { endWhatRuns } from '../data/postgres/end.ts'
import { identify } from '../data/postgres/process.ts'
import { fitsSocket } from '../data/postgres/socket.ts'

/** Linux's file system in memory: making a database there takes milliseconds on any machine. */
const MEMORY = '/dev/shm'
/** A container often has 64 MB there, too little for a server. */
const MEMORY_BYTES_MIN = 1024 ** 3
const PREFIX = 'tenfold-test-'
/** The length of `mkdtemp`'s own letters. */
const SUFFIX = 'XXXXXX'

/** Where PostgreSQL's data lies inside a folder of {@link makeTestFolder}. */
export const dataDirIn = (folder: string): string => join(folder, 'pg')
export const runDirIn = (folder: string): string => join(folder, 'run')

/** A new folder for this process, short enough to hold a socket; in memory unless what it holds must be `durable`. */
export function makeTestFolder(durable: boolean): string {
  const base = durable ? onDisk() : (inMemory() ?? onDisk())
  const folder = mkdtempSync(join(base, `${PREFIX}${process.pid}-`))
  // The unprivileged user that runs the server passes through, and sees nothing.
  chmodSync(folder, 0o711)
  return folder
}

const fits = (base: string): boolean => fitsSocket(runDirIn(join(base, `${PREFIX}9999999-${SUFFIX}`)), 65535)

const onDisk = (): string => (fits(tmpdir()) ? tmpdir() : '/tmp')

function inMemory(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    return bavail * bsize >= MEMORY_BYTES_MIN ? MEMORY : undefined
  } catch {
    return undefined
  }
}

/** Ends the servers and removes the folders of test processes that are gone. */
export async function sweepTestFolders(): Promise<void> {
  for (const base of new Set([MEMORY, tmpdir(), '/tmp'])) {
    for (const name of list(base)) {
      const pid = Number(/^tenfold-test-(\d+)-\w+$/.exec(name)?.[1])
      if (!(pid > 0) || identify(pid) !== undefined) continue
      await removeTestFolder(join(base, name))
    }
  }
}

/** Removes a folder and ends what runs in it. */
export async function removeTestFolder(folder: string): Promise<void> {
  try {
    await endWhatRuns(dataDirIn(folder), systemClock)
    rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
  } catch (error) {
    // Another user's, or another process sweeps it at this moment.
    if (!['EACCES', 'EPERM', 'ENOENT', 'ENOTEMPTY'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw error
  }
}

function list(base: string): string[] {
  try {
    return readdirSync(base).filter((name) => name.startsWith(PREFIX))
  } catch {
    return []
  }
}
