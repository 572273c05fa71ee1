import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import type { SystemStore } from '../core/ports.ts'
import type { RandomSource } from '../core/random.ts'
import { isLeftover, temporaryName } from '../core/temporary-name.ts'
import { isMissing } from './intact.ts'
import { isBlobId, type Places } from './places.ts'
import { referenced } from './references.ts'

/** A blob that nothing refers to is kept so long after it was put or last attached. Milliseconds. */
export const KEPT_MS = 86_400_000
/**
 * And it must have been found unneeded and untouched twice, so far apart by a clock that does not jump: far more than
 * any transaction lasts, so that one which touched it before the first look is decided before the second.
 */
export const SURE_MS = 3_600_000
/** Of the 256 first-level folders, how many one sweep looks at: a round takes about 100 minutes. */
const FOLDERS = 2
const BATCH = 500
/** Blobs in doubt that are remembered; more than that wait for a later round. */
const NOTED_MAX = 200_000
/** Far longer than a round. Milliseconds. */
const FORGOTTEN_MS = 7 * 86_400_000

interface Noted {
  readonly mtimeNs: bigint
  /** Monotonic milliseconds. */
  readonly at: number
}

interface CollectorOptions {
  readonly store: SystemStore
  readonly clock: Clock
  readonly random: RandomSource
  readonly onCollected: (blobs: number, leftovers: number) => void
}

/** Finds and deletes what nothing needs. DESIGN.md has the argument why it never takes what is needed. */
export class Collector {
  readonly #places: Places
  readonly #options: CollectorOptions
  readonly #noted = new Map<string, Noted>()
  #next = 0

  constructor(places: Places, options: CollectorOptions) {
    this.#places = places
    this.#options = options
    // Several nodes look at different parts.
    this.#next = Math.floor(options.random.next() * 256)
  }

  /** One part of a round. */
  async sweep(folders = FOLDERS): Promise<void> {
    const leftovers = await this.clearLeftovers()
    let collected = 0
    for (let turn = 0; turn < folders; turn++) {
      const name = this.#next.toString(16).padStart(2, '0')
      this.#next = (this.#next + 1) % 256
      if (this.#next === 0) this.#forget()
      collected += await this.#sweepFolder(name)
    }
    if (collected + leftovers > 0) this.#options.onCollected(collected, leftovers)
  }

  /** What killed processes were writing or deleting. @returns how many files */
  async clearLeftovers(): Promise<number> {
    return (await this.#clearIncoming()) + (await this.#clearTrash())
  }

  async #sweepFolder(name: string): Promise<number> {
    let collected = 0
    const folder = join(this.#places.root, name)
    for (const second of await list(folder)) {
      const ids = (await list(join(folder, second))).filter(isBlobId)
      for (let at = 0; at < ids.length; at += BATCH) collected += await this.#judge(ids.slice(at, at + BATCH))
    }
    return collected
  }

  async #judge(ids: readonly string[]): Promise<number> {
    const { store, clock } = this.#options
    const old = new Map<string, bigint>()
    for (const id of ids) {
      const found = await stat(this.#places.file(id), { bigint: true }).catch(() => undefined)
      if (found && clock.now() - Number(found.mtimeMs) > KEPT_MS) old.set(id, found.mtimeNs)
      else this.#noted.delete(id)
    }
    if (old.size === 0) return 0
    const needed = await referenced(store, [...old.keys()])
    let collected = 0
    for (const [id, mtimeNs] of old) {
      const noted = this.#noted.get(id)
      if (needed.has(id)) this.#noted.delete(id)
      else if (noted?.mtimeNs !== mtimeNs) this.#note(id, mtimeNs)
      else if (clock.monotonic() - noted.at >= SURE_MS) {
        this.#noted.delete(id)
        if (await this.#remove(id, mtimeNs)) collected++
      }
    }
    return collected
  }

  #note(id: string, mtimeNs: bigint): void {
    if (this.#noted.size < NOTED_MAX) this.#noted.set(id, { mtimeNs, at: this.#options.clock.monotonic() })
  }

  /** Notes on files that went in another way. */
  #forget(): void {
    const now = this.#options.clock.monotonic()
    for (const [id, { at }] of this.#noted) if (now - at > FORGOTTEN_MS) this.#noted.delete(id)
  }

  /** Takes the file away in one step, looks whether somebody needed it in that moment, and puts it back then. */
  async #remove(id: string, mtimeNs: bigint): Promise<boolean> {
    const file = this.#places.file(id)
    const trash = join(this.#places.trash, `${id}-${temporaryName(this.#options.random)}`)
    try {
      if (statSync(file, { bigint: true }).mtimeNs !== mtimeNs) return false
      renameSync(file, trash)
      if (statSync(trash, { bigint: true }).mtimeNs !== mtimeNs) {
        if (existsSync(file)) rmSync(trash)
        else renameSync(trash, file)
        return false
      }
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
    await rm(trash, { force: true })
    return true
  }

  async #clearIncoming(): Promise<number> {
    let cleared = 0
    for (const name of await list(this.#places.incoming)) {
      const path = join(this.#places.incoming, name)
      if (!isLeftover(name, await this.#ageMs(path))) continue
      await rm(path, { force: true })
      cleared++
    }
    return cleared
  }

  /** A collector that was killed had not yet looked whether the file is needed: it goes back to its place. */
  async #clearTrash(): Promise<number> {
    let cleared = 0
    for (const name of await list(this.#places.trash)) {
      const id = name.slice(0, 64)
      const path = join(this.#places.trash, name)
      if (!isBlobId(id) || !isLeftover(name.slice(65), await this.#ageMs(path))) continue
      const file = this.#places.file(id)
      await mkdir(this.#places.folder(id), { recursive: true, mode: 0o700 })
      // Put again meanwhile: that one is younger.
      if (existsSync(file)) await rm(path, { force: true })
      else await rename(path, file)
      cleared++
    }
    return cleared
  }

  async #ageMs(path: string): Promise<number> {
    const found = await stat(path).catch(() => undefined)
    return found ? this.#options.clock.now() - found.mtimeMs : 0
  }
}

async function list(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}
