import type { Lsn } from '../../core/lsn.ts'
import { parseLsn } from '../../core/lsn.ts'
import type { ReadSpan } from '../../core/ports.ts'
import { type Position, type PositionRow, positionOfRow } from '../../core/position.ts'
import type { StatementResult } from './batch.ts'
import type { Connection } from './connection.ts'

/**
 * What a replica has replayed, and on which timeline: the one that it receives, asked after the position. A standby
 * follows another timeline only when what it has replayed belongs to that timeline's history, and never goes back while
 * it runs: so the position lies in the history of a timeline that was told after it. Asked before, it might not.
 *
 * Told to members of `pg_read_all_stats` only; null also while it receives from nobody: then nothing is known.
 */
export const REPLAY_SQL =
  'select pg_last_wal_replay_lsn()::text as lsn, (select received_tli from pg_stat_get_wal_receiver()) as tli'

interface ReplayRow {
  readonly lsn: string | null
  readonly tli: number | null
}

/** For a read that any copy may answer: what it has to have reached, and then where it was. */
export interface Claim {
  readonly need: Position | undefined
  /** The copy had reached this before the statement's snapshot. */
  from?: Position | undefined
  /** Nothing that the statement showed lies beyond. */
  upto?: Position | undefined
}

/** Whether what a session has told before is enough for a claim, so that it need not be asked first. */
export function isCovered(claim: Claim | undefined, replayed: Position | undefined): boolean {
  if (claim?.need === undefined) return true
  return replayed !== undefined && reaches(replayed, claim.need)
}

/** Positions of different timelines are never compared: none reaches the other. */
export function reaches(position: Position, need: Position): boolean {
  return position.timeline === need.timeline && position.lsn >= need.lsn
}

/** Where the log of a primary or of a replica stood; noted with the session of a replica. */
export function placeOf(connection: Connection, result: StatementResult | undefined): Position | undefined {
  const row = result?.rows[0] as PositionRow | ReplayRow | undefined
  if (row === undefined) return undefined
  if (!('tli' in row)) return positionOfRow(row as PositionRow)
  connection.replayed = replayOf(row)
  return connection.replayed
}

/** What {@link REPLAY_SQL} gives, if it says where the replica is. */
export function replayOf(row: Record<string, unknown> | ReplayRow | undefined): Position | undefined {
  const { lsn, tli } = (row ?? {}) as Partial<ReplayRow>
  return lsn && tli ? { timeline: tli, lsn: parseLsn(lsn) } : undefined
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
  const [from, upto] = [primaryPlace(before), primaryPlace(after)]
  if (!from || !upto) {
    span.torn = true
    return
  }
  const { timeline } = upto
  if (from.timeline !== timeline || (span.timeline ?? timeline) !== timeline) span.torn = true
  span.timeline = timeline
  span.from = lower(span.from, from.lsn)
  span.upto = higher(span.upto, upto.lsn)
}

function primaryPlace(result: StatementResult | undefined): Position | undefined {
  const row = result?.rows[0] as Partial<PositionRow> | undefined
  return row?.wal === undefined ? undefined : positionOfRow(row as PositionRow)
}

const lower = (one: Lsn | undefined, other: Lsn): Lsn => (one !== undefined && one < other ? one : other)
const higher = (one: Lsn | undefined, other: Lsn): Lsn => (one !== undefined && one > other ? one : other)
