import { mkdir } from 'node:fs/promises'
import { lifecycle } from '../core/lifecycle.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import { Collector } from './collect.ts'
import { BlobMissing } from './errors.ts'
import { Intact } from './intact.ts'
import { isBlobId, Places } from './places.ts'
import { put } from './put.ts'
import { readParts } from './read.ts'
import { attachStatement, detachStatement, keepYoung } from './references.ts'
import { notFound, respond } from './respond.ts'
import type { BlobRange, LocalBlobs, LocalBlobsOptions } from './types.ts'

/** Blobs in a folder of this machine. Start it before it is used; it holds nothing between calls. */
export function createLocalBlobs(options: LocalBlobsOptions): LocalBlobs {
  const { folder, store, clock, random, log, metrics } = options
  const places = new Places(folder)
  const { stored, storedBytes, damaged, collected } = counters(metrics)
  const intact = new Intact(places, (id) => {
    damaged.inc()
    log.error({ blob: id, file: places.file(id) }, 'a blob is damaged')
  })
  const collector = new Collector(places, {
    store,
    clock,
    random,
    onCollected: (blobs, leftovers) => {
      collected.inc({}, blobs)
      log.info({ blobs, leftovers }, 'blobs that nothing needs were deleted')
    },
  })
  const bytesOf = async (id: string): Promise<number> => {
    const bytes = isBlobId(id) ? await intact.bytes(id) : null
    if (bytes === null) throw new BlobMissing(String(id))
    return bytes
  }
  async function* read(id: string, range?: BlobRange): AsyncGenerator<Uint8Array> {
    const bytes = await bytesOf(id)
    const start = Math.max(0, range?.start ?? 0)
    yield* readParts(places, id, start, Math.min(bytes, range?.end ?? bytes))
  }
  const start = async (): Promise<void> => {
    for (const path of [places.incoming, places.trash]) await mkdir(path, { recursive: true, mode: 0o700 })
    await collector.clearLeftovers()
  }
  return {
    ...lifecycle(start, async () => {}),
    put: async (content, how) => {
      const blob = await put(places, options, content, how)
      await intact.learn(blob.id)
      stored.inc()
      storedBytes.inc({}, blob.bytes)
      return blob
    },
    stat: async (id) => {
      const bytes = isBlobId(id) ? await intact.bytes(id) : null
      return bytes === null ? null : { id, bytes }
    },
    read,
    file: async (id) => {
      await bytesOf(id)
      return places.file(id)
    },
    respond: async (request, id, how) => {
      const bytes = isBlobId(id) ? await intact.bytes(id) : null
      if (bytes === null) return notFound(new BlobMissing(String(id)))
      return respond(places, request, { id, bytes }, how)
    },
    attach: (placement, blob, name) => {
      const statement = attachStatement(placement, blob, name)
      keepYoung(places, intact, clock, blob)
      return statement
    },
    detach: detachStatement,
    verify: async (id) => {
      if (!isBlobId(id) || (await intact.bytes(id, { force: true })) === null)
        throw new BlobMissing(String(id))
    },
    sweep: () => collector.sweep(),
  }
}

const counters = (metrics: MetricsRegistry) => ({
  stored: metrics.counter('tenfold_blobs_stored_total', 'Blobs that were stored'),
  storedBytes: metrics.counter('tenfold_blobs_stored_bytes_total', 'Bytes of blobs that were stored'),
  damaged: metrics.counter('tenfold_blobs_damaged_total', 'Blobs whose file was found damaged'),
  collected: metrics.counter('tenfold_blobs_collected_total', 'Blobs deleted because nothing needs them'),
})
