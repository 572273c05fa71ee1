import type { Times } from './types.ts'

export const TIMES: Times = {
  lease: 30_000,
  heartbeat: 10_000,
  poll: 500,
  stop: 5_000,
  abort: 1_000,
  alone: 10_000,
  repair: 5_000,
}

/** Runs of one process at once. */
export const SLOTS = 10
/** Jobs in one claim, at most. */
export const BATCH_MAX = 2_000
/** Bytes of payloads in one claim, at most; but for a single payload. */
export const CLAIM_BYTES_MAX = 16 * 1024 * 1024
/** Bytes of payloads at hand beyond which a worker claims no more. */
export const HELD_BYTES_MAX = 32 * 1024 * 1024
/** Jobs that are brought up from delay or loss in one round trip. */
export const TEND_MAX = 500
/** Completions in one round trip. */
export const REPORT_MAX = 2_000

export const ATTEMPTS = 10
export const TIMEOUT_MS = 60_000
export const BACKOFF_MS: readonly [first: number, longest: number] = [1_000, 900_000]
export const PRIORITY_MAX = 100

/** Characters of a payload: it travels with every claim. */
export const PAYLOAD_LENGTH_MAX = 1024 * 1024
/** Characters of a run's progress. */
export const PROGRESS_LENGTH_MAX = 8 * 1024
/** Characters of an owner, a unique key, a name. */
export const TEXT_LENGTH_MAX = 200
/** Characters of an error that are kept. */
export const ERROR_LENGTH_MAX = 4_000
