import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { StateFolderCorrupt } from './errors.ts'

/** The room for a path in the kernel's socket address, less the final NUL. */
const SOCKET_PATH_BYTES_MAX = process.platform === 'linux' ? 107 : 103
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

/** Makes sure that nobody else can have put a socket there. */
export function prepareControlFolder(folder: string): void {
  if (controlSocketPath(folder).startsWith(resolve(folder))) return
  const dir = privateFolder()
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const found = lstatSync(dir)
  if (found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid) && (found.mode & 0o077) === 0)
    return
  throw new StateFolderCorrupt(
    `${dir} belongs to someone else, or others can enter it; the control socket cannot lie there.`,
    'Remove that folder, or use a state folder with a shorter path (--data DIR).',
  )
}
