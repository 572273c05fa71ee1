import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rm, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { DiskFull, isDiskFull } from '../../core/disk-full.ts'
import { lifecycle, type Service } from '../../core/lifecycle.ts'
import type { RandomSource } from '../../core/random.ts'
import { isLeftover, temporaryName } from '../../core/temporary-name.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import { SpoolFull } from '../errors.ts'
import { SpooledBody } from './spooled-body.ts'

/** Bytes of all bodies together that wait on disk. */
export const SPOOL_BYTES_MAX = 1024 ** 3

export interface SpoolOptions {
  /** Made when it is missing. */
  readonly folder: string
  readonly clock: Clock
  readonly random: RandomSource
  readonly metrics: MetricsRegistry
  /** @defaultValue {@link SPOOL_BYTES_MAX} */
  readonly bytesMax?: number
}

/**
 * Where bodies wait that are too large for memory. A file loses its name right after it was made: it is gone when its
 * request is over or its process has ended, however that happened.
 */
export interface Spool extends Service {
  /** Whether so many bytes would fit now. @throws SpoolFull */
  admit(bytes: number): void
  /** Begins a file. @param hashed whether its SHA-256 will be asked for */
  file(hashed: boolean): SpoolFile
  /** Bytes that are taken. */
  readonly bytes: number
}

/** A body that is being written. */
export interface SpoolFile {
  /** One at a time. @throws SpoolFull, DiskFull */
  append(parts: readonly Uint8Array[]): Promise<void>
  /** What was written, to be read; whoever gets it releases it. */
  finish(): SpooledBody
  /** Gives up what was written. */
  abandon(): void
}

export function createSpool({
  folder,
  clock,
  random,
  metrics,
  bytesMax = SPOOL_BYTES_MAX,
}: SpoolOptions): Spool {
  const gauge = metrics.gauge('tenfold_spool_bytes', 'Bytes of request bodies that wait on disk')
  let bytes = 0
  const admit = (more: number): void => {
    if (bytes + more > bytesMax) throw new SpoolFull(bytesMax)
  }
  /** Counts before it writes, so that what is under way is in the sum. */
  const take = (more: number): void => {
    admit(more)
    bytes += more
    gauge.set({}, bytes)
  }
  const give = (back: number): void => {
    bytes -= back
    gauge.set({}, bytes)
  }
  const make = async (): Promise<FileHandle> => {
    const path = join(folder, temporaryName(random))
    const handle = await open(path, 'wx+', 0o600)
    try {
      await unlink(path)
      return handle
    } catch (error) {
      await handle.close()
      throw error
    }
  }
  const start = async (): Promise<void> => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const name of await readdir(folder)) {
      const path = join(folder, name)
      const found = await stat(path).catch(() => undefined) // another process may be quicker
      if (found && isLeftover(name, clock.now() - found.mtimeMs)) await rm(path, { force: true })
    }
  }
  return {
    ...lifecycle(start, async () => {}),
    admit,
    file: (hashed) => new WritingFile(make, take, give, hashed),
    get bytes() {
      return bytes
    },
  }
}

class WritingFile implements SpoolFile {
  readonly #make: () => Promise<FileHandle>
  readonly #take: (bytes: number) => void
  readonly #give: (bytes: number) => void
  readonly #hash: Hash | undefined
  #handle: Promise<FileHandle> | undefined
  #opened: FileHandle | undefined
  #taken = 0
  #size = 0
  #over = false

  constructor(
    make: () => Promise<FileHandle>,
    take: (bytes: number) => void,
    give: (bytes: number) => void,
    hashed: boolean,
  ) {
    this.#make = make
    this.#take = take
    this.#give = give
    this.#hash = hashed ? createHash('sha256') : undefined
  }

  async append(parts: readonly Uint8Array[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0)
    this.#take(length)
    this.#taken += length
    try {
      this.#handle ??= this.#make()
      const handle = await this.#handle
      this.#opened = handle
      for (const part of parts) {
        this.#hash?.update(part)
        for (let at = 0; at < part.byteLength && !this.#over; ) {
          const { bytesWritten } = await handle.write(part, at, part.byteLength - at, this.#size)
          at += bytesWritten
          this.#size += bytesWritten
        }
      }
    } catch (cause) {
      if (!isDiskFull(cause)) throw cause
      // Whoever is told so may try with less at once: what this one has taken is free by then.
      await this.#drop()
      throw new DiskFull('the uploads', {
        cause,
        remedy: 'Try again later, or with less; nothing of this request was applied.',
      })
    }
  }

  finish(): SpooledBody {
    this.#over = true
    const taken = this.#taken
    return new SpooledBody(this.#opened!, this.#size, this.#hash?.digest('base64url'), () =>
      this.#give(taken),
    )
  }

  abandon(): void {
    void this.#drop()
  }

  /** Room is given back when the file is gone, also when it is just being made or written. */
  async #drop(): Promise<void> {
    if (this.#over) return
    this.#over = true
    await this.#handle?.then((handle) => handle.close()).catch(() => {})
    this.#give(this.#taken)
  }
}
