import type { Lsn } from '../../core/lsn.ts'
import type { ReadSpan } from '../../core/ports.ts'
import { type PositionRow, positionOfRow } from '../../core/position.ts'
import type { StatementResult } from './batch.ts'

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
  const from = positionOfRow(first)
  const upto = positionOfRow(last)
  const { timeline } = upto
  if (from.timeline !== timeline || (span.timeline ?? timeline) !== timeline) span.torn = true
  span.timeline = timeline
  span.from = lower(span.from, from.lsn)
  span.upto = higher(span.upto, upto.lsn)
}

const lower = (one: Lsn | undefined, other: Lsn): Lsn => (one !== undefined && one < other ? one : other)
const higher = (one: Lsn | undefined, other: Lsn): Lsn => (one !== undefined && one > other ? one : other)
