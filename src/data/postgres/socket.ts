import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, barrierOnTheWay } from './account.ts'
import { DataFolderUnwritable } from './errors.ts'
import { makeFolder } from './files.ts'
import { isPostgres } from './process.ts'

/** The port when there is no TCP: only a part of the socket's name. */
export const SOCKET_PORT = 5432
/** The room for a path in the kernel's socket address, less the final NUL. */
const SOCKET_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103

/** What PostgreSQL names its socket. */
export const socketPath = (dir: string, port: number): string => join(dir, `.s.PGSQL.${port}`)

export function fitsSocket(dir: string, port: number): boolean {
  return Buffer.byteLength(socketPath(dir, port)) <= SOCKET_PATH_BYTES_MAX
}

/**
 * A folder for the socket that only the account (and root) can enter: `runDir`, unless its path is too long or the
 * account cannot reach it; then the one that was `recorded` at an earlier start, or a new one in the temporary folder.
 */
export function prepareSocketDir(options: {
  readonly runDir: string
  readonly port: number
  readonly account: Account
  readonly recorded?: string | undefined
}): { dir: string; toRecord: boolean } {
  const { runDir, port, account, recorded } = options
  if (fitsSocket(runDir, port)) {
    makeFolder(runDir, 0o700)
    if (barrierOnTheWay(join(runDir, '..'), account) === undefined)
      return { dir: claim(runDir, account), toRecord: false }
  }
  if (recorded !== undefined && fitsSocket(recorded, port)) {
    const found = lstatSync(recorded, { throwIfNoEntry: false })
    // The temporary folder is open to all: take it back only if it is still the one we made.
    if (found?.isDirectory() && found.uid === account.uid && (found.mode & 0o077) === 0)
      return { dir: recorded, toRecord: false }
    // After a stop it is gone; made again under its name, so that whoever knows the address finds the server again.
    if (found === undefined && makeAnew(recorded)) return { dir: claim(recorded, account), toRecord: false }
  }
  for (const base of new Set([tmpdir(), '/tmp'])) {
    if (!fitsSocket(join(base, 'tenfold-XXXXXX'), port) || barrierOnTheWay(base, account) !== undefined)
      continue
    return { dir: claim(mkdtempSync(join(base, 'tenfold-')), account), toRecord: true }
  }
  throw new DataFolderUnwritable(
    runDir,
    'the path is too long for a Unix socket, and the temporary folder is no better',
  )
}

/** False when the way there is gone, or someone else was first. */
function makeAnew(dir: string): boolean {
  try {
    mkdirSync(dir, { mode: 0o700 })
    return true
  } catch {
    return false
  }
}

/** Makes it the account's alone. Never follows a link. */
function claim(dir: string, account: Account): string {
  const found = lstatSync(dir)
  if (!found.isDirectory()) throw new DataFolderUnwritable(dir, 'it is not a folder')
  if (account.steppedDown && found.uid !== account.uid) chownSync(dir, account.uid, account.gid)
  if ((found.mode & 0o777) !== 0o700) chmodSync(dir, 0o700)
  return dir
}

/**
 * Removes the socket and its lock file when their server is dead. PostgreSQL would, except when a process of the
 * same user has that id by now, or when the dead one is a zombie: a container's first process often reaps no strangers.
 * @param dataDir that of the caller, in which nothing runs: its own dead server's id may be another server's by now
 */
export function sweepSocket(dir: string, port: number, dataDir: string): void {
  const socket = socketPath(dir, port)
  const lock = `${socket}.lock`
  let text: string
  try {
    text = readFileSync(lock, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  const [pid = '', owner] = text.split('\n')
  if (owner !== dataDir && isPostgres(Math.abs(Number.parseInt(pid, 10)))) return
  rmSync(socket, { force: true })
  rmSync(lock, { force: true })
}

/** Removes the folder if it is one of ours in the temporary folder; the next start makes another. */
export function discardSocketDir(dir: string, runDir: string): void {
  if (dir === runDir || dir === '') return
  try {
    rmdirSync(dir)
  } catch {
    // Not empty: a server that we could not end still uses it. Recorded, so the next start finds it.
  }
}

/** Removes password files that a killed initialisation left. */
export function sweepSocketDir(dir: string): void {
  for (const name of readdirSync(dir)) if (name.startsWith('.pw-')) rmSync(join(dir, name), { force: true })
}
