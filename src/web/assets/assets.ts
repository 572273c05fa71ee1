import { constants, createReadStream, watch } from 'node:fs'
import { open } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { namesEtag, parseRange } from '../../core/byte-range.ts'
import type { Clock, Timer } from '../../core/clock.ts'
import { lifecycle, type Service } from '../../core/lifecycle.ts'
import type { Logger } from '../../core/log.ts'
import { DEFAULT_CONTENT_SECURITY_POLICY, isDocument } from '../answer/security.ts'
import { acceptedEncodings, CompressedCopies } from './encode.ts'
import { AssetMissing, AssetNotFound } from './errors.ts'
import { nearest } from './nearest.ts'
import { type Asset, hashedName, scan } from './scan.ts'

/** The part of the URL space that belongs to the folder. */
export const ASSETS_PREFIX = '/assets/'
const IMMUTABLE = 'public, max-age=31536000, immutable'
/** Under its own name a file may change with the next release. */
const SHORT = 'public, max-age=60'
/** Editors write a file in several steps: look when they are done. */
const WATCH_MS = 50

export interface AssetOptions {
  readonly folder: URL
  readonly log: Logger
  readonly clock: Clock
  /** Look again when files change; for development. @defaultValue false */
  readonly watch?: boolean | undefined
}

/** The static files of an app. Start it before the app, so that `url` knows the names. */
export interface WebAssets extends Service {
  /** The immutable URL of a file. @throws AssetMissing */
  url(path: string): string
  owns(path: string): boolean
  serve(req: IncomingMessage, res: ServerResponse, path: string, extra: readonly string[]): Promise<number>
  /** Looks at the folder again. */
  refresh(): Promise<void>
}

export function createAssets(options: AssetOptions): WebAssets {
  const folder = fileURLToPath(options.folder)
  const copies = new CompressedCopies()
  let assets: ReadonlyMap<string, Asset> = new Map()
  let byHashedName: ReadonlyMap<string, Asset> = new Map()
  let stopWatching = (): void => {}

  const refresh = async (): Promise<void> => {
    assets = await scan(folder, assets)
    byHashedName = new Map([...assets.values()].map((asset) => [hashedName(asset.path, asset.hash), asset]))
    copies.clear()
  }
  const watchFolder = (): void => {
    let timer: Timer | undefined
    const look = (): void => {
      refresh().catch((error: unknown) => options.log.warn({ error }, 'the assets could not be read again'))
    }
    const watcher = watch(folder, { recursive: true }, () => {
      timer?.cancel()
      timer = options.clock.timer(WATCH_MS, look)
    })
    watcher.on('error', (error) => options.log.warn({ error }, 'the assets are no longer watched'))
    stopWatching = () => {
      timer?.cancel()
      watcher.close()
    }
  }
  const start = async (): Promise<void> => {
    await refresh()
    if (options.watch) watchFolder()
  }
  return {
    ...lifecycle(start, async () => stopWatching()),
    refresh,
    url: (path) => {
      const asset = assets.get(path.startsWith('/') ? path.slice(1) : path)
      if (!asset) throw new AssetMissing(path, nearest(path, assets.keys()))
      return ASSETS_PREFIX + hashedName(asset.path, asset.hash).split('/').map(encodeURIComponent).join('/')
    },
    owns: (path) => path.startsWith(ASSETS_PREFIX),
    serve: async (req, res, path, extra) => {
      // Only names of the scan are served: no name leads out of the folder, whatever its dots and slashes.
      const name = decodeURIComponent(path.slice(ASSETS_PREFIX.length))
      const hashed = byHashedName.get(name)
      const asset = hashed ?? assets.get(name)
      if (!asset) throw new AssetNotFound()
      return new AssetAnswer(req, res, asset, hashed !== undefined, extra).send(copies)
    },
  }
}

/** One answer with a file. */
class AssetAnswer {
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  readonly #asset: Asset
  readonly #head: string[]

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    asset: Asset,
    hashed: boolean,
    extra: readonly string[],
  ) {
    this.#req = req
    this.#res = res
    this.#asset = asset
    this.#head = [...extra, 'cache-control', hashed ? IMMUTABLE : SHORT, 'accept-ranges', 'bytes']
    if (asset.compressible) this.#head.push('vary', 'accept-encoding')
    if (isDocument(asset.type)) this.#head.push('content-security-policy', DEFAULT_CONTENT_SECURITY_POLICY)
  }

  /** @returns bytes of the body */
  async send(copies: CompressedCopies): Promise<number> {
    const { range } = this.#req.headers
    // A range counts in bytes of the file, so it is never combined with an encoding.
    for (const encoding of range === undefined ? acceptedEncodings(this.#encodings()) : []) {
      const packed = await copies.get(this.#asset, encoding)
      if (packed) return this.#sendPacked(packed, encoding)
    }
    return this.#sendFile(range)
  }

  #encodings(): string | undefined {
    const header = this.#req.headers['accept-encoding']
    return Array.isArray(header) ? header.join(',') : header
  }

  #sendPacked(packed: Buffer, encoding: string): number {
    const etag = `"${this.#asset.hash}-${encoding}"`
    if (this.#notModified(etag)) return 0
    this.#write(200, etag, packed.length, ['content-encoding', encoding])
    if (this.#req.method === 'HEAD') this.#res.end()
    else this.#res.end(packed)
    return this.#req.method === 'HEAD' ? 0 : packed.length
  }

  async #sendFile(rangeHeader: string | undefined): Promise<number> {
    const etag = `"${this.#asset.hash}"`
    if (this.#notModified(etag)) return 0
    const { size } = this.#asset
    const ifRange = this.#req.headers['if-range']
    const range = ifRange === undefined || ifRange === etag ? parseRange(rangeHeader, size) : undefined
    if (range === 'unsatisfiable') {
      this.#write(416, etag, 0, ['content-range', `bytes */${size}`])
      this.#res.end()
      return 0
    }
    const { first, last } = range ?? { first: 0, last: size - 1 }
    const length = last - first + 1
    const head = (): void =>
      this.#write(
        range ? 206 : 200,
        etag,
        length,
        range ? ['content-range', `bytes ${first}-${last}/${size}`] : [],
      )
    if (this.#req.method === 'HEAD' || length === 0) {
      head()
      this.#res.end()
      return 0
    }
    const handle = await open(this.#asset.file, constants.O_RDONLY | constants.O_NOFOLLOW).catch(() => {
      throw new AssetNotFound()
    })
    // The file may have changed since the scan; half an old and half a new one must not go out as either.
    const present = await handle.stat()
    if (present.size !== size || present.mtimeMs !== this.#asset.modifiedMs) {
      await handle.close()
      throw new AssetNotFound()
    }
    head()
    await pipeline(createReadStream('', { fd: handle, start: first, end: last }), this.#res)
    return length
  }

  #notModified(etag: string): boolean {
    if (!namesEtag(this.#req.headers['if-none-match'], etag)) return false
    this.#res.writeHead(304, [...this.#head, 'etag', etag])
    this.#res.end()
    return true
  }

  #write(status: number, etag: string, length: number, more: readonly string[]): void {
    const { type } = this.#asset
    this.#res.writeHead(status, [
      ...this.#head,
      'content-type',
      type,
      'content-length',
      String(length),
      'etag',
      etag,
      ...more,
    ])
  }
}
