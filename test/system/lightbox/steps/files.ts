import fs from 'node:fs'
import fsp, { type FileHandle } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { dirname, join, sep } from 'node:path'
import type { Killer } from './killer.ts'

// The functions are replaced whatever their types are: what they are called with goes on as it came.
type Call = (...args: unknown[]) => unknown
type Functions = Record<string, (...args: never[]) => unknown>

const { open, rename, mkdir, unlink, rm } = fsp
const { utimesSync } = fs

/** Makes everything that changes a file below `<data>/spool` and `<data>/blobs` a step. */
export function watchFiles(data: string, killer: Killer): void {
  const uses = new Uses(data, killer)
  const replaced: Functions = {
    open: async (path: string, flags: string, mode: number) => {
      if (!uses.of(path) || !killer.armed) return open(path, flags, mode)
      const kind = flags === 'r' ? 'folder' : 'file'
      if (kind === 'file') uses.begin(path)
      if (kind === 'file') uses.step(path, 'open')
      return watched(await open(path, flags, mode), kind, path, uses)
    },
    rename: (from: string, to: string) => {
      uses.move(from, to)
      uses.step(from, 'rename')
      return rename(from, to)
    },
    mkdir: (path: string, options: object) => {
      uses.step(path, 'make folder')
      return mkdir(path, options)
    },
    unlink: (path: string) => {
      uses.step(path, 'unlink')
      return unlink(path)
    },
    rm: (path: string, options: object) => {
      uses.step(path, 'remove')
      return rm(path, options)
    },
  }
  Object.assign(fsp, replaced)
  fs.utimesSync = (path, atime, mtime) => {
    uses.step(path, 'touch')
    utimesSync(path, atime, mtime)
  }
  syncBuiltinESMExports()
}

/** What a file or a folder is for: the spooled body, the original, a variant. */
class Uses {
  readonly #killer: Killer
  readonly #spool: string
  readonly #blobs: string
  readonly #known = new Map<string, string>()

  constructor(data: string, killer: Killer) {
    this.#killer = killer
    this.#spool = join(data, 'spool') + sep
    this.#blobs = join(data, 'blobs') + sep
    killer.onPlan = () => this.#known.clear()
  }

  /** Undefined for what is none of ours. */
  of(path: unknown): string | undefined {
    if (typeof path !== 'string') return undefined
    if (path.startsWith(this.#spool)) return 'spool'
    return path.startsWith(this.#blobs) ? (this.#known.get(path) ?? 'blob') : undefined
  }

  /** The original is stored before any variant is made of it. */
  begin(path: string): void {
    if (path.startsWith(this.#blobs)) this.#known.set(path, this.#known.size > 0 ? 'variant' : 'original')
  }

  /** The place, and the folders that lead there, are for the same. */
  move(from: string, to: string): void {
    const use = this.of(from)
    if (use && this.#killer.armed)
      for (const place of [to, dirname(to), dirname(dirname(to))]) this.#known.set(place, use)
  }

  step(path: unknown, what: string, last?: () => void): void {
    const use = this.of(path)
    if (use) this.#killer.step(`${use}: ${what}`, last)
  }
}

/** The same handle, whose own methods tell what they do. */
function watched(handle: FileHandle, kind: 'file' | 'folder', path: string, uses: Uses): FileHandle {
  const original = (name: 'write' | 'sync' | 'utimes'): Call => handle[name].bind(handle) as Call
  const [write, sync, utimes] = [original('write'), original('sync'), original('utimes')]
  const own: Functions = {
    write: (bytes: Uint8Array, at: number, length: number, position?: number) => {
      // A write that is broken off has written a part.
      uses.step(path, 'write', () => fs.writeSync(handle.fd, bytes, at, length >> 1, position))
      return write(bytes, at, length, position)
    },
    sync: () => {
      uses.step(path, kind === 'folder' ? 'sync folder' : 'sync')
      return sync()
    },
    utimes: (atime: number, mtime: number) => {
      uses.step(path, 'set times')
      return utimes(atime, mtime)
    },
  }
  return Object.assign(handle, own)
}
