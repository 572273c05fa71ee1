import { type Lsn, parseLsn, timelineOfWalFile } from '../../core/lsn.ts'
import type { ReadSpan } from '../../core/ports.ts'
import type { StatementResult } from './batch.ts'

/** The flush position: the insert position can be handed out again after a crash. */
export const POSITION_SQL =
  'select pg_current_wal_flush_lsn()::text as lsn, pg_walfile_name(pg_current_wal_flush_lsn()) as wal'

interface PositionRow {
  readonly lsn: string
  readonly wal: string
}

/**
 * Widens a span by a statement that ran between two looks at the log, the first of which came before its
 * snapshot. Without one of them nothing is known, and the span stays open.
 */
export function widen(
  span: ReadSpan,
  before: StatementResult | undefined,
  after: StatementResult | undefined,
): void {
  const first = before?.rows[0] as PositionRow | undefined
  const last = after?.rows[0] as PositionRow | undefined
  if (!first || !last) {
    span.torn = true
    return
  }
  const timeline = timelineOfWalFile(last.wal)
  const from = parseLsn(first.lsn)
  const upto = parseLsn(last.lsn)
  if (timelineOfWalFile(first.wal) !== timeline || (span.timeline ?? timeline) !== timeline) span.torn = true
  span.timeline = timeline
  span.from = lower(span.from, from)
  span.upto = higher(span.upto, upto)
}

const lower = (one: Lsn | undefined, other: Lsn): Lsn => (one !== undefined && one < other ? one : other)
const higher = (one: Lsn | undefined, other: Lsn): Lsn => (one !== undefined && one > other ? one : other)
