import type { Clock } from '../core/clock.ts'
import type { Placement } from '../core/keys.ts'
import type { Service } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import type { SystemStatement, SystemStore } from '../core/ports.ts'
import type { RandomSource } from '../core/random.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'

/** What is known of a stored blob. */
export interface BlobFacts {
  /** SHA-256 of its bytes, 64 hexadecimal digits. */
  readonly id: string
  readonly bytes: number
}

/** Bytes from `start` up to, not including, `end`; what lies beyond the blob is left out. */
export interface BlobRange {
  readonly start: number
  readonly end: number
}

export interface PutOptions {
  readonly bytesMax: number
  readonly signal?: AbortSignal
}

export interface RespondOptions {
  /** Media type. Of the app's own knowledge: never what an uploader claims. */
  readonly type: string
  /** Makes browsers save it under this name instead of showing it. */
  readonly filename?: string
  /** @defaultValue public, a year, immutable */
  readonly cacheControl?: string
}

/** Large immutable objects, named by their content. What no transaction keeps with `attach` within a day is deleted. */
export interface Blobs {
  /**
   * Stores content, in parts as they come. When it resolves the content is durable; when it fails nothing is left.
   * @throws BlobTooLarge (413), DiskFull (507), the signal's reason
   */
  put(content: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions): Promise<BlobFacts>
  /** null when it is not there. */
  stat(id: string): Promise<BlobFacts | null>
  /**
   * The bytes from `range.start` up to, not including, `range.end`; what lies beyond the blob is left out.
   * @defaultValue range: all of them
   * @throws BlobMissing, BlobDamaged
   */
  read(id: string, range?: BlobRange): AsyncIterable<Uint8Array>
  /** Path of a local copy, for tools that read files; do not change it. @throws BlobMissing, BlobDamaged */
  file(id: string): Promise<string>
  /**
   * An answer with the blob's bytes: immutable, with ranges and ETag. 404 when it is not there.
   * @throws BlobDamaged
   */
  respond(request: Request, id: string, options: RespondOptions): Promise<Response>
}

/** Steps of a put, in this order; a step is announced before it is taken. */
export type PutStep = 'open' | 'write' | 'sync' | 'rename' | 'sync-folder' | 'done'

export interface LocalBlobsOptions {
  /** Made when it is missing. One file system, and nothing else in it. */
  readonly folder: string
  /** Where `tenfold.blob_refs` is. */
  readonly store: SystemStore
  /** Ages of files are by this clock, also when a test moves it. */
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  readonly metrics: MetricsRegistry
  /** Told of each step of a put; tests end the process there. */
  readonly onPutStep?: (step: PutStep) => void
}

/** Blobs in a folder of this machine. */
export interface LocalBlobs extends Service, Blobs {
  /**
   * Makes sure that the blob is there and stays until the transaction has ended.
   *
   * @returns the statement that has to commit with that transaction
   * @throws BlobMissing, BlobOptionInvalid
   */
  attach(placement: Placement | 'home', blob: string, name: string): SystemStatement
  /** @returns the statement that has to commit with the transaction */
  detach(placement: Placement | 'home', blob: string, name: string): SystemStatement
  /** Reads the whole blob and compares its hash. @throws BlobMissing, BlobDamaged */
  verify(id: string): Promise<void>
  /** Deletes a share of what nothing needs; a sweep of upkeep, any node may run it at any time. */
  sweep(): Promise<void>
}
