import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { Account } from './account.ts'
import { DataFolderUnwritable } from './errors.ts'
import { explainFailure } from './failure.ts'
import { syncFolder } from './files.ts'
import { serverPath } from './launch.ts'
import { signal as kill, processesIn } from './process.ts'
import { SETTINGS_FILE } from './settings.ts'
import { SUPERUSER } from './types.ts'

/** One call for the whole file system instead of one for each of a thousand files, which takes a third longer. Linux only. */
const SYNC = process.platform === 'linux' ? ['--sync-method=syncfs'] : []
/** PostgreSQL's own locale is the same on every system. */
const BUILTIN = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']
/**
 * Megabytes of a segment of the log. A promotion copies the one that it is in, and each standby receives it once more from its
 * beginning: with PostgreSQL's 16 that is half of the time until the first synchronous commit.
 */
const SEGMENT_MB = 4
/**
 * Of hashing our own password. Many rounds protect a weak one whose hash was stolen; ours has 192 random bits, and each
 * session would spend milliseconds on them, of a failover's, too. Other roles are hashed as usual.
 */
const ROUNDS = 'scram_iterations'
const ROUNDS_SINCE_MAJOR = 16
/** The first major version that knows {@link SYNC} and {@link BUILTIN}; before, `upper()` and `lower()` stop at ASCII. */
const MODERN_MAJOR = 17

/** 192 random bits. */
export const newPassword = (): string => randomBytes(24).toString('base64url')

/**
 * Makes a data folder with `initdb`, under another name first: whatever happens, there is a whole one or none.
 * The caller holds the lock, and the password is durable already.
 */
export async function initialise(options: {
  readonly dataDir: string
  readonly binDir: string
  /** Of what lies in `binDir`. */
  readonly major: number
  /** For the password file, which must be out of others' sight and in the account's reach. */
  readonly privateDir: string
  readonly password: string
  readonly account: Account
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}): Promise<void> {
  const { dataDir, account, signal } = options
  signal.throwIfAborted()
  const temporary = `${dataDir}.new-${process.pid}`
  const passwordFile = join(options.privateDir, `.pw-${process.pid}`)
  try {
    mkdirSync(temporary, { mode: 0o700 })
    if (account.steppedDown) chownSync(temporary, account.uid, account.gid)
    writePasswordFile(passwordFile, options.password, account)
    await runInitdb({ ...options, temporary, passwordFile })
    const conf = join(temporary, 'postgresql.conf')
    writeFileSync(
      conf,
      `${withoutComments(readFileSync(conf, 'utf8'))}\n# Written anew at each start; ALTER SYSTEM and lines below this one win.\ninclude_if_exists '${SETTINGS_FILE}'\n`,
    )
    syncFile(conf)
    signal.throwIfAborted()
    // An empty folder that the user made in advance gives way; rename replaces only an empty one.
    renameSync(temporary, dataDir)
    syncFolder(dirname(dataDir))
  } catch (error) {
    removeTree(temporary)
    throw error
  } finally {
    rmSync(passwordFile, { force: true })
  }
}

/** Every session reads this file at every reload, a change of roles among them: 30 kB of comments are most of what that costs. */
const withoutComments = (conf: string): string =>
  conf
    .split('\n')
    .filter((line) => !/^\s*(#|$)/.test(line) && !line.startsWith(ROUNDS))
    .map((line) => line.replace(/\s+#[^']*$/, ''))
    .join('\n')

async function runInitdb(
  options: Parameters<typeof initialise>[0] & { temporary: string; passwordFile: string },
): Promise<void> {
  const { account, temporary, signal, dataDir } = options
  const arguments_ = [
    ...['-D', serverPath(temporary, account), '-U', SUPERUSER, `--pwfile=${options.passwordFile}`],
    ...['--auth-local=scram-sha-256', '--auth-host=scram-sha-256', '--data-checksums', '--no-instructions'],
    ...['--encoding=UTF8', '--locale=C', `--wal-segsize=${SEGMENT_MB}`],
    ...(options.major >= MODERN_MAJOR ? [...SYNC, ...BUILTIN] : []),
    ...(options.major >= ROUNDS_SINCE_MAJOR ? ['-c', `${ROUNDS}=1`] : []),
  ]
  const child = spawn(join(options.binDir, 'initdb'), arguments_, {
    cwd: temporary,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // Ctrl-C is for the owner, who then ends it in order
    ...(account.steppedDown && { uid: account.uid, gid: account.gid }),
  })
  const onAbort = () => child.kill('SIGTERM')
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    const ended = new Promise<number | null>((resolve, reject) =>
      child.once('error', reject).once('close', resolve),
    )
    const [code, , stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
    signal.throwIfAborted()
    if (code !== 0) throw explainFailure(dataDir, stderr.trim(), `initdb ended with ${code}.`)
  } finally {
    signal.removeEventListener('abort', onAbort)
    removeProcesses(temporary)
  }
}

/** Removes what initialisations of killed owners left, and ends those that are still at it. */
export function sweepInitialisations(dataDir: string): void {
  const parent = dirname(dataDir)
  const prefix = `${basename(dataDir)}.new-`
  for (const name of readdirSync(parent))
    if (name.startsWith(prefix) && /^\d+$/.test(name.slice(prefix.length))) removeTree(join(parent, name))
}

function removeTree(dir: string): void {
  removeProcesses(dir)
  rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
}

function removeProcesses(dir: string): void {
  for (const identity of processesIn(dir)) kill(identity, 'SIGKILL')
}

function writePasswordFile(path: string, password: string, account: Account): void {
  rmSync(path, { force: true })
  const fd = openSync(path, 'wx', 0o600)
  try {
    if (writeSync(fd, `${password}\n`) < password.length)
      throw new DataFolderUnwritable(path, 'the file was cut short')
    if (account.steppedDown) fchownSync(fd, account.uid, account.gid)
  } finally {
    closeSync(fd)
  }
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
