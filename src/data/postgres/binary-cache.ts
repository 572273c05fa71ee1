import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import { type Account, barrierOnTheWay } from './account.ts'
import { PostgresUnusable } from './errors.ts'
import { type Link, linkText } from './links.ts'

/** Path relative to the copy, size in bytes, and SHA-256 of each file. */
type Manifest = readonly (readonly [path: string, size: number, hash: string])[]

const MANIFEST = 'tenfold-manifest.json'
/** Needed to build against PostgreSQL, not to run it. */
const SKIPPED = /\.a$|\/pkgconfig\/|\/include\//

/**
 * A copy of the package's binaries where the account can reach them: the package may lie under a folder that only
 * root may enter, or be read-only and lack its links.
 *
 * The copy belongs to us, in a folder that only we can write, so that nobody can plant a program there. It is made
 * under another name, read back and compared by content, then renamed.
 */
export function cachedCopy(options: {
  readonly root: string
  readonly links: readonly Link[]
  readonly version: string
  readonly account: Account
}): string {
  const native = join(options.root, 'native')
  const files = listFiles(native).filter((path) => !SKIPPED.test(`/${path}`))
  const sizes = files.map((path) => [path, lstatSync(join(native, path)).size] as const)
  const id = createHash('sha256')
    .update(JSON.stringify([sizes, options.links]))
    .digest('hex')
    .slice(0, 12)
  const failures: string[] = []
  for (const base of cacheFolders(options.account)) {
    try {
      makePrivate(base, options.account)
      const copy = join(base, `postgres-${options.version}-${id}`)
      const isWhole = () => isComplete(copy, sizes)
      if (!isWhole()) makeCopy({ native, copy, files, links: options.links, isWhole })
      return copy
    } catch (error) {
      failures.push(`${base}: ${(error as Error).message}`)
    }
  }
  throw new PostgresUnusable(
    `PostgreSQL must be copied to where an unprivileged user can run it, and no folder takes it (${failures.join('; ')}).`,
    'Make room in one of them, install the project where every user can enter, or name a PostgreSQL with --pg-bin DIR.',
  )
}

function cacheFolders(account: Account): string[] {
  const temporary = [...new Set([tmpdir(), '/tmp'])].map((dir) =>
    join(dir, `tenfold-pg-${process.getuid?.() ?? 0}`),
  )
  return account.steppedDown
    ? ['/var/cache/tenfold', ...temporary]
    : [join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tenfold'), ...temporary]
}

/** Makes the folder, and refuses one that someone else made or can write. */
function makePrivate(dir: string, account: Account): void {
  mkdirSync(dir, { recursive: true, mode: 0o755 })
  const found = lstatSync(dir)
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0)
    throw new Error('it belongs to someone else, or others can write to it')
  if (account.steppedDown) chmodSync(dir, 0o755)
  const barrier = barrierOnTheWay(dir, account)
  if (barrier !== undefined) throw new Error(`an unprivileged user may not enter ${barrier}`)
}

/** A complete copy has its manifest, which is written last, and every file in the size that the package's has. */
function isComplete(copy: string, sizes: readonly (readonly [path: string, size: number])[]): boolean {
  if (lstatSync(join(copy, MANIFEST), { throwIfNoEntry: false }) === undefined) return false
  return sizes.every(([path, size]) => statSync(join(copy, path), { throwIfNoEntry: false })?.size === size)
}

interface Copying {
  readonly native: string
  readonly copy: string
  readonly files: readonly string[]
  readonly links: readonly Link[]
  readonly isWhole: () => boolean
}

function makeCopy({ native, copy, files, links, isWhole }: Copying): void {
  const temporary = `${copy}.${randomUUID()}.tmp`
  try {
    const manifest: Manifest = files.map((path) => {
      const from = join(native, path)
      const to = join(temporary, path)
      makeFolders(temporary, dirname(path))
      copyFileSync(from, to)
      chmodSync(to, path.startsWith('bin/') || lstatSync(from).mode & 0o100 ? 0o755 : 0o644)
      const hash = hashOf(to)
      if (hash !== hashOf(from)) throw new Error(`the copy of ${path} differs from the original`)
      return [path, lstatSync(to).size, hash]
    })
    for (const link of links) {
      const to = join(temporary, relative('native', link.target))
      if (lstatSync(to, { throwIfNoEntry: false }) === undefined) symlinkSync(linkText(link), to)
    }
    writeFileSync(join(temporary, MANIFEST), JSON.stringify(manifest), { mode: 0o644 })
    install(temporary, copy, isWhole)
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** Not left to `mkdir`, whose mode a strict umask narrows. */
function makeFolders(root: string, under: string): void {
  let at = root
  for (const part of ['', ...(under === '.' ? [] : under.split('/'))]) {
    at = join(at, part)
    mkdirSync(at, { recursive: true })
    chmodSync(at, 0o755)
  }
}

/** Another process may have been quicker, and servers run from its copy already; only a damaged one is put aside. */
function install(temporary: string, copy: string, isWhole: () => boolean): void {
  try {
    renameSync(temporary, copy)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error
    if (isWhole()) return
    const damaged = `${copy}.${randomUUID()}.old`
    renameSync(copy, damaged)
    renameSync(temporary, copy)
    rmSync(damaged, { recursive: true, force: true })
  }
}

const hashOf = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

function listFiles(root: string, under = ''): string[] {
  return readdirSync(join(root, under), { withFileTypes: true }).flatMap((entry) => {
    const path = under === '' ? entry.name : `${under}/${entry.name}`
    if (entry.isDirectory()) return listFiles(root, path)
    return entry.isFile() ? [path] : []
  })
}
