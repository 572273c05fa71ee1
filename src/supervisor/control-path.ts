import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { SOCKET_PATH_BYTES_MAX } from '../web/listen.ts'
import { StateFolderCorrupt } from './errors.ts'

const CONTROL = 'control.sock'

/**
 * Where a socket of a state folder lies: in the folder, or, when that path is too long for a socket, in a private
 * folder of this user whose name follows from the state folder's path, so that everybody finds it.
 */
export function socketPathOf(folder: string, name: string): string {
  const inside = join(resolve(folder), name)
  if (Buffer.byteLength(inside) <= SOCKET_PATH_BYTES_MAX) return inside
  const id = createHash('sha256').update(inside).digest('hex').slice(0, 16)
  return join(privateFolder(), `${id}.sock`)
}

/** The one that the commands use. */
export const controlSocketPath = (folder: string): string => socketPathOf(folder, CONTROL)

const privateFolder = (): string => {
  const base = Buffer.byteLength(tmpdir()) > 60 ? '/tmp' : tmpdir()
  return join(base, `tenfold-${process.getuid?.() ?? 0}`)
}

/** Makes sure that nobody else can have put a socket there. Each socket of a folder lies inside or not by its own length. */
export function prepareSocketFolder(path: string): void {
  const dir = privateFolder()
  if (dirname(path) !== dir) return
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const found = lstatSync(dir)
  if (found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid) && (found.mode & 0o077) === 0)
    return
  throw new StateFolderCorrupt(
    `${dir} belongs to someone else, or others can enter it; a socket cannot lie there.`,
    'Remove that folder, or use a state folder with a shorter path (--data DIR).',
  )
}
