import { createHash, randomUUID } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { dataDirIn } from './folder.ts'

/** What `initdb` made does not depend on anything but the program and how we call it. */
export interface CacheKey {
  /** Of PostgreSQL. */
  readonly version: string
  /** Where its programs lie. */
  readonly binDir: string
}

/** Raised when initialisation changes in a way that older copies lack. */
const FORMAT = 2

const parts = (folder: string): string[] => [dataDirIn(folder), `${dataDirIn(folder)}.tenfold`]
/** Only true of one server, or of this process. */
const OWN = /\/(tenfold\.conf|postmaster\.(pid|opts)|lock(-journal)?|owner)$/

/**
 * A data folder as `initdb` leaves it, kept for later test processes: `initdb` takes 0.5 s, a copy 50 ms.
 * It lies in `node_modules/.cache/tenfold` of the project at hand, else in the temporary folder.
 */
export class ClusterCache {
  readonly #path: string

  constructor(key: CacheKey) {
    const hash = createHash('sha256')
      .update(JSON.stringify([FORMAT, key, process.getuid?.() ?? 0]))
      .digest('hex')
      .slice(0, 12)
    this.#path = join(cacheFolder(), `pg-${key.version}-${hash}`)
  }

  /** Fills `folder`; false when there is nothing to copy. */
  restore(folder: string): boolean {
    if (!existsSync(this.#path)) return false
    for (const to of parts(folder)) {
      cpSync(join(this.#path, to.slice(dirname(to).length)), to, { recursive: true })
      chmodSync(to, 0o700) // PostgreSQL insists, and a copy of a folder does not keep its mode
    }
    return true
  }

  /** Removes a copy that does not work, here and in the cache. */
  discard(folder: string): void {
    for (const path of [this.#path, ...parts(folder)]) rmSync(path, { recursive: true, force: true })
  }

  /** Keeps what `folder` holds; its server has been stopped. Whoever comes second finds it done. */
  keep(folder: string): void {
    const temporary = `${this.#path}.${randomUUID()}.tmp`
    try {
      mkdirSync(temporary, { recursive: true, mode: 0o700 })
      for (const from of parts(folder)) {
        const to = join(temporary, from.slice(dirname(from).length))
        cpSync(from, to, { recursive: true, filter: (path) => !OWN.test(path) })
      }
      forgetSocket(join(temporary, 'pg.tenfold', 'tenfold.json'))
      renameSync(temporary, this.#path)
    } catch {
      // A cache that cannot be written costs half a second, nothing else.
      rmSync(temporary, { recursive: true, force: true })
    }
  }
}

/** A socket folder outside the test folder would be shared by all copies. */
function forgetSocket(path: string): void {
  const { socketDir: _, ...record } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>
  writeFileSync(path, JSON.stringify(record), { mode: 0o600 })
}

function cacheFolder(): string {
  for (let at = process.cwd(); ; at = dirname(at)) {
    const modules = join(at, 'node_modules')
    const dir = join(modules, '.cache', 'tenfold')
    if (existsSync(modules) && isOurs(dir)) return dir
    if (at === dirname(at)) break
  }
  const dir = join(tmpdir(), `tenfold-test-cache-${process.getuid?.() ?? 0}`)
  return isOurs(dir) ? dir : join(tmpdir(), `tenfold-test-cache-${randomUUID()}`)
}

/** A folder that others can write to might hold a prepared database of theirs. */
function isOurs(dir: string): boolean {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    const { uid, mode } = lstatSync(dir)
    return uid === (process.getuid?.() ?? uid) && (mode & 0o022) === 0
  } catch {
    return false
  }
}
