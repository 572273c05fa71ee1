import { createHash } from 'node:crypto'
import { type BigIntStats, createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { LRUCache } from 'lru-cache'
import { BlobDamaged } from './errors.ts'
import type { Places } from './places.ts'

/** Blobs whose state is remembered. */
const REMEMBERED_MAX = 50_000
/** A larger blob is not read through before it is used the first time; `verify` does it when asked. Bytes. */
export const CHECKED_BYTES_MAX = 64 * 1024 * 1024
const READ_BYTES = 256 * 1024

/** The state of a file: it changes when anything but its owner's touch has happened to it. */
const stateOf = ({ ino, size, mtimeNs }: BigIntStats): string => `${ino}.${size}.${mtimeNs}`

/**
 * Which files are known to hold what their name says. A file is read through once, when it is first used, and again
 * when its inode, size or time has changed: a damaged one is reported instead of served.
 */
export class Intact {
  readonly #places: Places
  readonly #onDamage: (id: string) => void
  readonly #known = new LRUCache<string, string>({ max: REMEMBERED_MAX })
  readonly #checking = new Map<string, Promise<void>>()

  constructor(places: Places, onDamage: (id: string) => void) {
    this.#places = places
    this.#onDamage = onDamage
  }

  /**
   * Bytes of the blob; null when it is not there.
   *
   * @param force reads it through whatever is known of it
   * @throws BlobDamaged
   */
  async bytes(id: string, { force = false } = {}): Promise<number | null> {
    const path = this.#places.file(id)
    const found = await statOrNull(path)
    if (found === null || !found.isFile()) return null
    const state = stateOf(found)
    const isNew = this.#known.get(id) !== state && found.size <= BigInt(CHECKED_BYTES_MAX)
    if (isNew || force) await this.#check(id, path, state)
    return Number(found.size)
  }

  /** This process has just written it. */
  async learn(id: string): Promise<void> {
    const found = await statOrNull(this.#places.file(id))
    if (found) this.#known.set(id, stateOf(found))
  }

  /** This process changes its time only. */
  touched(id: string, before: BigIntStats, after: BigIntStats): void {
    if (this.#known.get(id) === stateOf(before)) this.#known.set(id, stateOf(after))
  }

  #check(id: string, path: string, state: string): Promise<void> {
    const key = `${id} ${state}`
    let checking = this.#checking.get(key)
    if (checking === undefined) {
      checking = hashOf(path)
        .then((hash) => {
          if (hash === id) this.#known.set(id, state)
          else {
            this.#onDamage(id)
            throw new BlobDamaged(id)
          }
        })
        .finally(() => this.#checking.delete(key))
      this.#checking.set(key, checking)
    }
    return checking
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES }))
    hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function statOrNull(path: string): Promise<BigIntStats | null> {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if (isMissing(error)) return null
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOENT' || code === 'ENOTDIR'
}
