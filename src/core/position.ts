import type { Lsn } from './lsn.ts'

/** A place in the history of one cluster. */
export interface Position {
  readonly lsn: Lsn
  /** Rises by one with each promotion; an LSN means nothing without it. */
  readonly timeline: number
}
