import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Asset } from './scan.ts'

export type Encoding = 'br' | 'gzip'
/** Compressed copies kept in memory, all together. */
export const COMPRESSED_BYTES_MAX = 32 * 1024 * 1024
/** Larger files are sent as they are: compressing them takes seconds. */
const FILE_BYTES_MAX = 4 * 1024 * 1024
const FILE_BYTES_MIN = 512
/** Brotli's best level takes seconds for a megabyte; this one is within 3% of it. */
const BROTLI_QUALITY = 9

const brotli = promisify(brotliCompress)
const deflate = promisify(gzip)

/** Which of our encodings the client takes, best first (RFC 9110, 12.5.3). */
export function acceptedEncodings(header: string | undefined): Encoding[] {
  if (!header) return []
  const weights = new Map<string, number>()
  for (const part of header.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim())
    const q = parameters.find((text) => text.startsWith('q='))
    weights.set(name, q === undefined ? 1 : Number(q.slice(2)) || 0)
  }
  const weight = (name: Encoding): number => weights.get(name) ?? weights.get('*') ?? 0
  return (['br', 'gzip'] as const).filter((name) => weight(name) > 0).sort((a, b) => weight(b) - weight(a))
}

/** Compresses text assets once, on their first use, into a bounded memory. */
export class CompressedCopies {
  readonly #copies = new Map<string, Promise<Buffer | null>>()
  readonly #bytesMax: number
  #bytes = 0
  constructor(bytesMax = COMPRESSED_BYTES_MAX) {
    this.#bytesMax = bytesMax
  }

  get(asset: Asset, encoding: Encoding): Promise<Buffer | null> {
    if (!asset.compressible || asset.size > FILE_BYTES_MAX || asset.size < FILE_BYTES_MIN)
      return Promise.resolve(null)
    const key = `${asset.hash} ${encoding} ${asset.path}`
    let copy = this.#copies.get(key)
    if (!copy) {
      copy = this.#make(asset, encoding)
      this.#copies.set(key, copy)
      copy.catch(() => this.#copies.delete(key))
    }
    return copy
  }

  async #make(asset: Asset, encoding: Encoding): Promise<Buffer | null> {
    if (this.#bytes >= this.#bytesMax) return null
    const plain = await readFile(asset.file)
    const packed =
      encoding === 'br'
        ? await brotli(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } })
        : await deflate(plain, { level: 9 })
    if (packed.length >= plain.length || this.#bytes + packed.length > this.#bytesMax) return null
    this.#bytes += packed.length
    return packed
  }

  /** After the files changed. */
  clear(): void {
    this.#copies.clear()
    this.#bytes = 0
  }
}
