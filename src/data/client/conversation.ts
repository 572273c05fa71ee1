import { type Placement, rowPlace } from '../../core/keys.ts'
import { parseLsn } from '../../core/lsn.ts'
import type { SystemStatement } from '../../core/ports.ts'
import { LSN_SQL, POSITION_SQL, type Position, type PositionRow, positionOfRow } from '../../core/position.ts'
import type { BatchItem } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import { OLDER_LIMITS } from '../connection/session-settings.ts'
import type { Statements } from '../connection/statements.ts'
import { IN_TIME_SQL } from './in-time.ts'
import { keepMs, MARKER_SQL, type Marker } from './marker.ts'
import { Opening, type Session, type Trip } from './opening.ts'
import { longer } from './settings.ts'

export interface Begin {
  readonly marker: Marker
  readonly placement: Placement | 'home'
  readonly epoch: number
  readonly isolation: string | undefined
  readonly timeoutMs: number
  readonly keyed: boolean | undefined
  readonly jobId: string | undefined
}

/** What BEGIN, fence and marker said. `first`: no run of this write has committed before. */
export interface Begun {
  readonly first: boolean
  readonly failure: Error | undefined
}

/** The round trips of a write, as bytes on one session. Nothing here decides; nothing throws. */
export interface Conversation {
  /** Milliseconds spent waiting for answers. */
  readonly dbMs: number
  /**
   * For what `work` sends. BEGIN, fence and marker go along with its first statement, unless they have left before; it
   * fails when they fail, and when a run has committed before.
   */
  readonly session: Session
  /** Whether nothing has left yet. */
  readonly waits: boolean
  /** Sends BEGIN, fence and marker on their own, unless they have left before. */
  begin(): Promise<Begun>
  /** What they said, once they have left. */
  readonly begun: Promise<Begun>
  /** The stored result of a write that committed before, and what it may have left; commits by itself. */
  resolve(left: string | undefined): Promise<Resolved>
  /** Stores the result, sends what rides along, commits, asks for the position that the commit has reached. */
  commit(json: string | undefined, riding: readonly SystemStatement[]): Promise<Committed>
  /**
   * A session that cannot be rolled back is cut. Nothing is sent while nothing has left.
   * @returns the place in the log beyond which it has shown nothing, if it has shown anything
   */
  rollback(): Promise<Position | undefined>
}

export interface Committed {
  readonly committed: boolean
  readonly position: Position | undefined
  readonly failure: Error | undefined
}

export interface Resolved extends Committed {
  readonly row: StoredResult | undefined
  /** What the statement `left` found. */
  readonly rows: readonly Record<string, unknown>[]
}

export interface StoredResult {
  readonly name: string
  readonly key: string
  readonly result: string | null
}

export function converse(connection: Connection, statements: Statements, begin: Begin): Conversation {
  const sql = (text: string, params: readonly unknown[] = []): BatchItem => ({
    statement: statements.get(text),
    params,
  })
  const limits = longer(statements, begin.timeoutMs, limitsOf(connection))
  const opening = new Opening(connection, beginItems(begin, limits, sql), (opened) =>
    begunOf(opened).first ? undefined : new Error('The write has committed before'),
  )
  const begun = opening.told.then(begunOf)
  const position = (): BatchItem => sql(connection.timeline === undefined ? POSITION_SQL : LSN_SQL)
  let dbMs = 0
  const run = async (items: readonly BatchItem[]): Promise<Trip> => {
    const startedAt = performance.now()
    const trip = await opening.run(items)
    dbMs += performance.now() - startedAt
    return trip
  }
  return {
    get dbMs() {
      return dbMs
    },
    session: {
      run,
      get raw() {
        return opening.raw
      },
    },
    get waits() {
      return opening.waits
    },
    begun,
    begin: () => {
      if (opening.waits) void run([])
      return begun
    },
    resolve: async (left) => {
      const items = [sql(MARKER_SQL.resolve, [begin.marker.id])]
      if (left !== undefined) items.push(sql(left, [begin.marker.id]))
      const at = items.push(sql('commit')) - 1
      const trip = await run([...items, sql(POSITION_SQL)])
      return {
        row: trip.results[0]?.rows[0] as StoredResult | undefined,
        rows: left === undefined ? [] : (trip.results[1]?.rows ?? []),
        committed: isCommitted(connection, trip, at),
        position: positionOf(connection, trip, at + 1),
        failure: trip.failure,
      }
    },
    commit: async (json, riding) => {
      const items = json === undefined ? [] : [sql(MARKER_SQL.finish, [begin.marker.id, json])]
      for (const statement of riding) items.push(sql(statement.sql, statement.params))
      if (!connection.limitsTransactions) items.push(sql(IN_TIME_SQL, [begin.timeoutMs]))
      const at = items.push(sql('commit')) - 1
      connection.takeSyncWaitCancelled() // a warning before COMMIT is the app's own
      const trip = await run([...items, position()])
      return {
        committed: isCommitted(connection, trip, at),
        position: positionOf(connection, trip, at + 1),
        failure: trip.failure,
      }
    },
    rollback: async () => {
      if (connection.lost || opening.waits) return undefined
      const trip = await run([sql('rollback'), position()])
      if (trip.failure) connection.destroy(trip.failure)
      return positionOf(connection, trip, 1)
    },
  }
}

const begunOf = ({ results, failure }: Trip): Begun => ({
  first: results.at(-1)?.tag === 'INSERT 0 1',
  failure,
})

/** By what its server bounds a transaction. */
const limitsOf = ({ limitsTransactions }: Connection): readonly string[] =>
  limitsTransactions ? ['transaction_timeout'] : OLDER_LIMITS

function beginItems(
  begin: Begin,
  limits: readonly BatchItem[],
  sql: (text: string, params?: readonly unknown[]) => BatchItem,
): BatchItem[] {
  const { marker, placement, isolation = 'read committed', timeoutMs } = begin
  const items = [
    sql(isolation === 'read committed' ? 'begin' : `begin isolation level ${isolation}`),
    ...limits,
  ]
  const place = rowPlace(placement)
  items.push(
    placement === 'home'
      ? sql('select tenfold.enter_home()')
      : sql('select tenfold.enter($1, $2, $3)', [place.bucket, place.tag, begin.epoch]),
  )
  const { jobId } = begin
  const keep = keepMs(begin.keyed || jobId !== undefined, timeoutMs)
  const claim = [marker.id, place.bucket, place.tag, marker.name, marker.key, keep]
  items.push(
    jobId === undefined ? sql(MARKER_SQL.claim, claim) : sql(MARKER_SQL.claimForJob, [...claim, jobId]),
  )
  return items
}

/** Only the command tag COMMIT means committed; an error after it does not undo it. */
function isCommitted(connection: Connection, { results }: Trip, at: number): boolean {
  const cancelled = connection.takeSyncWaitCancelled()
  if (results[at]?.tag !== 'COMMIT') return false
  // Committed here, but perhaps on no standby: as good as a lost connection, the marker will tell.
  if (cancelled) connection.destroy(new Error('The synchronous wait of COMMIT was cancelled'))
  return !cancelled
}

function positionOf(connection: Connection, { results }: Trip, at: number): Position | undefined {
  const row = results[at]?.rows[0] as PositionRow | undefined
  if (row === undefined) return undefined
  // Only the first of a session asks for the timeline.
  const { timeline } = connection
  const position =
    row.wal === undefined && timeline !== undefined
      ? { lsn: parseLsn(row.lsn), timeline }
      : positionOfRow(row)
  connection.timeline = position.timeline
  return position
}
