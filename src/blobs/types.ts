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
export interface LocalBlobs extends Service {
  put(content: Uint8Array | AsyncIterable<Uint8Array>, options: PutOptions): Promise<BlobFacts>
  stat(id: string): Promise<BlobFacts | null>
  read(id: string, range?: BlobRange): AsyncIterable<Uint8Array>
  file(id: string): Promise<string>
  respond(request: Request, id: string, options: RespondOptions): Promise<Response>
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
