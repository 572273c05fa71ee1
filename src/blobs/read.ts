import { type FileHandle, open } from 'node:fs/promises'
import { BlobDamaged, BlobMissing } from './errors.ts'
import { isMissing } from './intact.ts'
import type { Places } from './places.ts'

const PART_BYTES = 128 * 1024

async function openBlob(places: Places, id: string): Promise<FileHandle> {
  try {
    return await open(places.file(id), 'r')
  } catch (error) {
    throw isMissing(error) ? new BlobMissing(id) : error
  }
}

/** Yields bytes from `start` up to, not including, `end`, which lie within the blob. */
export async function* readParts(
  places: Places,
  id: string,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (start >= end) return
  const file = await openBlob(places, id)
  try {
    for (let at = start; at < end; ) {
      const part = new Uint8Array(Math.min(PART_BYTES, end - at))
      const { bytesRead } = await file.read(part, 0, part.length, at)
      // Shorter than it was a moment ago: somebody has cut it.
      if (bytesRead === 0) throw new BlobDamaged(id)
      at += bytesRead
      yield bytesRead === part.length ? part : part.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** The same as one piece. */
export async function readBytes(
  places: Places,
  id: string,
  start: number,
  end: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(end - start)
  let at = 0
  for await (const part of readParts(places, id, start, end)) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
