import type { Lsn } from '../../core/lsn.ts'

/**
 * What is known of a node's process.
 *
 * - `running`: it answers
 * - `starting`: it has been started and does not answer yet, which may take as long as its recovery
 * - `hung`: it is there and has answered nothing for too long
 * - `down`: it has ended, certainly, with all its backends; its data folder is whole
 * - `missing`: it has no data folder that could be started (never made, being made, damaged)
 */
export type ProcessState = 'running' | 'starting' | 'hung' | 'down' | 'missing'

/** What a node says about itself. */
export interface NodeView {
  readonly id: string
  readonly process: ProcessState
  /** Of one that is `missing`: its folder is there, and what keeps it from starting may go away. */
  readonly whole?: boolean
  /** The rest is known while it is `running`. */
  readonly standby?: boolean
  /**
   * Of a standby: the end of the log on its disk; unknown after a restart until it has read its log to the end. Of a
   * primary: the flushed end.
   */
  readonly lsn?: Lsn
  /** Of a primary; of a standby while it receives. */
  readonly timeline?: number
  /** A standby's log receiver is there, so that `lsn` may still rise. */
  readonly receiving?: boolean
  /** The node that it was last told to follow; undefined: none, or not known. */
  readonly upstream?: string | undefined
}

/** What a primary says about a standby that receives its log. */
export interface SenderView {
  readonly id: string
  readonly state: string
  /** What it has on disk. */
  readonly flushed: Lsn
  /** What it has replayed of that, as last told: every ten seconds at least. */
  readonly replayed: Lsn
  /** 0: its word does not count for commits. */
  readonly priority: number
}
