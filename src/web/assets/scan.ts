import { createHash } from 'node:crypto'
import { createReadStream, readdirSync, type Stats, statSync } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AssetsUnreadable } from './errors.ts'
import { isCompressible, typeOf } from './types.ts'

/** Letters of the hash in a name: 60 bits, so that no two versions of a file meet. */
const HASH_LENGTH = 12
const FILES_MAX = 20_000
const DEPTH_MAX = 20

/** One file of the folder, as it was when it was looked at. */
export interface Asset {
  /** Relative to the folder, with slashes. */
  readonly path: string
  readonly file: string
  readonly hash: string
  readonly size: number
  readonly modifiedMs: number
  readonly type: string
  readonly compressible: boolean
}

/** What is in the folder: ordinary files only, no dot files, and nothing that a symbolic link points to. */
export function listFiles(folder: string): { path: string; file: string; stats: Stats }[] {
  const found: { path: string; file: string; stats: Stats }[] = []
  const walk = (relative: string, depth: number): void => {
    if (depth > DEPTH_MAX) return
    for (const entry of readdirSync(join(folder, relative), { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue
      const path = relative === '' ? entry.name : `${relative}/${entry.name}`
      if (entry.isDirectory()) walk(path, depth + 1)
      else if (entry.isFile()) {
        const file = join(folder, path)
        found.push({ path, file, stats: statSync(file) })
      }
    }
  }
  try {
    walk('', 0)
  } catch (cause) {
    throw new AssetsUnreadable(folder, (cause as Error).message, { cause })
  }
  if (found.length > FILES_MAX) throw new AssetsUnreadable(folder, `it holds more than ${FILES_MAX} files`)
  return found
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex').slice(0, HASH_LENGTH)
}

/** Looks at every file; those that did not change since `known` keep their hash. */
export async function scan(folder: string, known: ReadonlyMap<string, Asset>): Promise<Map<string, Asset>> {
  const assets = new Map<string, Asset>()
  for (const { path, file, stats } of listFiles(folder)) {
    const before = known.get(path)
    const same = before?.size === stats.size && before.modifiedMs === stats.mtimeMs
    const type = typeOf(path)
    assets.set(path, {
      path,
      file,
      type,
      hash: same ? before.hash : await hashOf(file),
      size: stats.size,
      modifiedMs: stats.mtimeMs,
      compressible: isCompressible(type),
    })
  }
  return assets
}

/** `css/app.css` → `css/app.3f2a….css` */
export function hashedName(path: string, hash: string): string {
  const slash = path.lastIndexOf('/')
  const dot = path.lastIndexOf('.')
  return dot > slash + 1 ? `${path.slice(0, dot)}.${hash}${path.slice(dot)}` : `${path}.${hash}`
}
