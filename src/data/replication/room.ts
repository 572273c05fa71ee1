import { lstat, readdir, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { TenfoldError } from '../../core/errors.ts'

const MB = 2 ** 20
/** What a copy leaves free, in bytes, and as a part of itself: the servers on that disk go on writing their log. */
const RESERVE = { bytes: 64 * MB, part: 0.05 }

/** Of which `stat` counts. */
const BLOCK = 512

/** There is no room for a copy. Nothing was written. */
export class NoRoomForCopy extends TenfoldError {
  readonly code = 'TENFOLD_NO_ROOM_FOR_COPY'
  constructor({ needed, free }: { readonly needed: number; readonly free: number }) {
    super(
      `A copy of the primary needs ${Math.ceil(needed / MB)} MB on its disk, some for the log that is written meanwhile; ${Math.floor(free / MB)} MB are free.`,
      'Make room on that disk, or have fewer replicas (`tenfold scale data.replicas=N`). It is tried again by itself.',
    )
  }
}

/** Bytes that have to stay free beside a copy of so many bytes. */
export const reserveFor = (size: number): number => Math.max(RESERVE.bytes, Math.ceil(size * RESERVE.part))

/** Bytes that may still be written to the disk on which a folder lies. */
export async function freeAt(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir)
  return bavail * bsize
}

/** Bytes of all files below a folder; 0 when there is none. @throws the signal's reason */
export async function folderSize(dir: string, signal: AbortSignal): Promise<number> {
  let bytes = 0
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch(gone)
  for (const entry of entries ?? []) {
    signal.throwIfAborted()
    if (entry.isFile()) bytes += await sizeOf(join(entry.parentPath, entry.name))
  }
  return bytes
}

/** Bytes of a file; 0 when it has gone meanwhile. */
export const sizeOf = async (path: string): Promise<number> => (await lstat(path).catch(gone))?.size ?? 0

/** Bytes that a file takes of its disk by now; 0 when it is not there. */
export const takenBy = async (path: string): Promise<number> =>
  ((await lstat(path).catch(gone))?.blocks ?? 0) * BLOCK

function gone(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
