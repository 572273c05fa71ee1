import type { FileHandle } from 'node:fs/promises'
import { BodyReleased } from '../errors.ts'

const PART_BYTES = 64 * 1024

/** A whole body that waits on disk. It is there until its request is over. */
export class SpooledBody {
  readonly size: number
  /** SHA-256 in base64url, where it was asked for before the body came. */
  readonly hash: string | undefined
  readonly #handle: FileHandle
  readonly #onRelease: () => void
  #released = false

  constructor(handle: FileHandle, size: number, hash: string | undefined, onRelease: () => void) {
    this.#handle = handle
    this.size = size
    this.hash = hash
    this.#onRelease = onRelease
  }

  /** All of it, in memory. @throws BodyReleased */
  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    const all = new Uint8Array(this.size)
    for (let at = 0; at < all.length; ) at += await this.#read(all, at, all.length - at, at)
    return all
  }

  /** Its parts, from the beginning; as often as one likes. @throws BodyReleased */
  async *parts(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (let at = 0; at < this.size; ) {
      const part = new Uint8Array(Math.min(PART_BYTES, this.size - at))
      const length = await this.#read(part, 0, part.length, at)
      at += length
      yield length === part.length ? part : part.subarray(0, length)
    }
  }

  /** The same as a stream of bytes, read at the pace of its reader. */
  stream(): ReadableStream<Uint8Array> {
    const parts = this.parts()
    return new ReadableStream({
      type: 'bytes',
      pull: async (controller) => {
        const { done, value } = await parts.next()
        if (!done) controller.enqueue(value)
        else {
          controller.close()
          controller.byobRequest?.respond(0)
        }
      },
      cancel: async () => {
        await parts.return(undefined)
      },
    })
  }

  /** Frees its room. Idempotent. */
  release(): void {
    if (this.#released) return
    this.#released = true
    // Waits for reads that are under way.
    this.#handle
      .close()
      .catch(() => {})
      .finally(this.#onRelease)
      .catch(() => {})
  }

  async #read(into: Uint8Array, offset: number, length: number, at: number): Promise<number> {
    if (this.#released) throw new BodyReleased()
    const { bytesRead } = await this.#handle.read(into, offset, length, at)
    if (bytesRead === 0) throw new Error('The file of a body is shorter than what was written to it')
    return bytesRead
  }
}
