import { createHash } from 'node:crypto'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { DiskFull, isDiskFull } from '../core/disk-full.ts'
import { temporaryName } from '../core/temporary-name.ts'
import { BlobOptionInvalid, BlobTooLarge } from './errors.ts'
import type { Places } from './places.ts'
import type { BlobFacts, LocalBlobsOptions, PutOptions } from './types.ts'

type Content = Uint8Array | AsyncIterable<Uint8Array>

/**
 * Writes content into the folder. It is written beside its place, made durable, then renamed: under its name there is
 * the whole content or nothing, whenever the process or the machine ends. A put that fails leaves nothing behind.
 *
 * Content that is there already is replaced by itself: that makes it young again, so that no collector who just found
 * it old can take it away, and it mends a damaged file.
 */
export async function put(
  places: Places,
  { clock, random, onPutStep: step = () => {} }: LocalBlobsOptions,
  content: Content,
  { bytesMax, signal }: PutOptions,
): Promise<BlobFacts> {
  if (!(bytesMax >= 0))
    throw new BlobOptionInvalid(
      `${bytesMax} is no limit for a blob.`,
      'Pass bytesMax, the bytes that content may have at most.',
    )
  signal?.throwIfAborted()
  step('open')
  const temporary = join(places.incoming, temporaryName(random))
  const file = await open(temporary, 'wx', 0o600)
  let isOpen = true
  try {
    step('write')
    const blob = await write(file, content, bytesMax, signal)
    const now = clock.now() / 1000
    await file.utimes(now, now)
    step('sync')
    await file.sync()
    isOpen = false
    await file.close()
    signal?.throwIfAborted()
    const target = places.file(blob.id)
    step('rename')
    await moveInto(temporary, target)
    step('sync-folder')
    await syncFolder(dirname(target))
    step('done')
    return blob
  } catch (error) {
    if (isOpen) await file.close().catch(() => {})
    await rm(temporary, { force: true }).catch(() => {}) // the collector finds it
    throw isDiskFull(error) ? blobDiskFull(error) : error
  }
}

const blobDiskFull = (cause: unknown): DiskFull =>
  new DiskFull('the blobs', {
    cause,
    remedy: 'Make room on that disk and try again; nothing of this content was kept.',
  })

async function write(
  file: FileHandle,
  content: Content,
  bytesMax: number,
  signal: AbortSignal | undefined,
): Promise<BlobFacts> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of chunksOf(content, signal)) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new BlobTooLarge(bytesMax)
    hash.update(chunk)
    for (let at = 0; at < chunk.byteLength; )
      at += (await file.write(chunk, at, chunk.byteLength - at)).bytesWritten
  }
  return { id: hash.digest('hex'), bytes }
}

/** The parts of the content; an abort also ends the wait for a source that is silent. */
async function* chunksOf(content: Content, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  if (content instanceof Uint8Array) {
    yield content
    return
  }
  const source = content[Symbol.asyncIterator]()
  let giveUp = (): void => {}
  // Not one promise to race with for all parts: it would keep each of them until the end.
  const nextOrAbort = (): Promise<IteratorResult<Uint8Array>> =>
    new Promise((resolve, reject) => {
      giveUp = () => reject(signal?.reason)
      if (signal?.aborted) giveUp()
      source.next().then(resolve, reject)
    })
  const onAbort = (): void => giveUp()
  signal?.addEventListener('abort', onAbort, { once: true })
  let over = false
  try {
    for (;;) {
      const { done, value } = await nextOrAbort()
      if (done) {
        over = true
        return
      }
      if (!(value instanceof Uint8Array))
        throw new BlobOptionInvalid(
          'The content of a blob has a part that is not bytes.',
          'Pass a Uint8Array, or something that yields Uint8Arrays; encode text first.',
        )
      yield value
    }
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // Not awaited: a generator that waits for something would keep us waiting too.
    if (!over) Promise.resolve(source.return?.()).catch(() => {})
  }
}

async function moveInto(temporary: string, target: string): Promise<void> {
  try {
    await rename(temporary, target)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    const folder = dirname(target)
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await syncFolder(dirname(folder))
    await syncFolder(dirname(dirname(folder)))
    await rename(temporary, target)
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
