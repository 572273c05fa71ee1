import { type Lsn, parseLsn, timelineOfWalFile } from './lsn.ts'

/** A place in the history of one cluster. */
export interface Position {
  readonly lsn: Lsn
  /** Rises by one with each promotion; an LSN means nothing without it. */
  readonly timeline: number
}

/** All that was in the log of a primary up to `upto` had become visible there when its log was read to be at `reading`. */
export interface Settlement {
  readonly upto: Position
  readonly reading: Position
}

/** A timeline was left with loss: what lay beyond this place, acknowledged or not, is no part of the history any more. */
export type Loss = Position

/** The same as it is written down, and told from process to process. */
export interface HistoryLoss {
  readonly timeline: number
  /** As PostgreSQL writes it. */
  readonly lsn: string
}

/** Where a primary's log stands. The flush position: the insert position can be handed out again after a crash. */
export const POSITION_SQL =
  'select pg_current_wal_flush_lsn()::text as lsn, pg_walfile_name(pg_current_wal_flush_lsn()) as wal'

/** The same for a session whose timeline is known: it does not change while a session can write. Half the cost. */
export const LSN_SQL = 'select pg_current_wal_flush_lsn() as lsn'

/** What {@link POSITION_SQL} gives. */
export interface PositionRow {
  readonly lsn: string
  readonly wal: string
}

export function positionOfRow({ lsn, wal }: PositionRow): Position {
  return { lsn: parseLsn(lsn), timeline: timelineOfWalFile(wal) }
}
