import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fchmodSync,
  fchownSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

/** Makes a folder and its parents. Node reports a read-only file system as ENOENT here; we ask again, plainly. */
export function makeFolder(dir: string, mode = 0o777): void {
  try {
    mkdirSync(dir, { recursive: true, mode })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    let missing = dir
    while (!existsSync(dirname(missing))) missing = dirname(missing)
    mkdirSync(missing, { mode })
    mkdirSync(dir, { recursive: true, mode })
  }
}

/** Makes the names in a folder durable. */
export function syncFolder(dir: string): void {
  const fd = openSync(dir, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/**
 * Replaces a file as a whole and durably: readers see the old or the new text, also after a power cut.
 *
 * The temporary file is created exclusively and then renamed over the name, so that root, writing into a folder of
 * the unprivileged user, cannot be led elsewhere by a link planted there.
 */
export function replaceFile(
  path: string,
  text: string,
  options: { readonly mode?: number; readonly owner?: { readonly uid: number; readonly gid: number } } = {},
): void {
  const temporary = `${path}.${randomUUID()}.tmp`
  const fd = openSync(temporary, 'wx', 0o600)
  try {
    try {
      writeSync(fd, text)
      fchmodSync(fd, options.mode ?? 0o600)
      if (options.owner !== undefined) fchownSync(fd, options.owner.uid, options.owner.gid)
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
  syncFolder(dirname(path))
}
