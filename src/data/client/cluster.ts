import type { Clock } from '../../core/clock.ts'
import { POSITION_SQL } from '../../core/position.ts'
import type { BatchItem } from '../connection/batch.ts'
import { ReadLane } from '../connection/lane.ts'
import { Pool } from '../connection/pool.ts'
import type { Statements } from '../connection/statements.ts'
import type { Deadline } from './retry.ts'
import type { ClusterOptions } from './types.ts'

/** Milliseconds that one read statement may run on the server; matches the default deadline. */
export const DEADLINE_MS = 10_000
/** Milliseconds that a statement may run in the lane; one that waits for a lock must not hold up all others. */
const LANE_STATEMENT_MS = 250
/** Shared sessions for fast reads. Two keep two processors busy; more only make batches smaller. */
const LANE_WIDTH = 2

export const COMMON = {
  jit: 'off',
  timezone: 'UTC',
  datestyle: 'ISO,MDY',
  intervalstyle: 'postgres',
  extra_float_digits: '1',
  standard_conforming_strings: 'on',
  default_transaction_isolation: 'read committed',
}
const READ_SETTINGS = {
  ...COMMON,
  default_transaction_read_only: 'on',
  statement_timeout: String(DEADLINE_MS),
  idle_in_transaction_session_timeout: String(DEADLINE_MS),
}
/** What is acknowledged is on disk, and on the standbys that the server waits for, whatever a role's default is. */
const WRITE_SETTINGS = { ...COMMON, synchronous_commit: 'on', transaction_timeout: String(DEADLINE_MS) }

/** A session of the read pools ends at once when one of these changes: nothing may run under the new value. */
const GUARDED = [
  'default_transaction_read_only',
  'search_path',
  'session_authorization',
  'standard_conforming_strings',
]

/** Gives the current transaction the time of its deadline, where that is more than the session's default. */
export function longer(statements: Statements, deadline: Deadline, timeouts: readonly string[]): BatchItem[] {
  if (deadline.ms <= DEADLINE_MS) return []
  const statement = statements.get('select set_config($1, $2, true)')
  return timeouts.map((name) => ({ statement, params: [name, String(Math.ceil(deadline.ms))] }))
}

/** One cluster as the data client sees it: sessions that write, sessions that only read, and the shared lane. */
export class Cluster {
  readonly name: string
  readonly clock: Clock
  readonly statements: Statements
  readonly writers: Pool
  readonly readers: Pool
  readonly #laneSessions: Pool
  readonly lane: ReadLane

  constructor(
    { name, connection }: ClusterOptions,
    options: { connectionsMax: number; clock: Clock; statements: Statements },
  ) {
    const { clock, connectionsMax: max, statements } = options
    // A role named like our schema would have its unqualified tables looked for there.
    const path = connection.user === 'tenfold' ? { search_path: 'public' } : {}
    this.name = name
    this.clock = clock
    this.statements = statements
    this.writers = new Pool({ connection, settings: { ...WRITE_SETTINGS, ...path }, max, clock })
    // Most reads go through the lane: a session for the others is made when it is needed.
    this.readers = new Pool({
      idleMin: 0,
      connection,
      settings: { ...READ_SETTINGS, ...path },
      guarded: GUARDED,
      max,
      clock,
    })
    this.#laneSessions = new Pool({
      connection,
      settings: { ...READ_SETTINGS, statement_timeout: String(LANE_STATEMENT_MS), ...path },
      guarded: GUARDED,
      max: LANE_WIDTH,
      clock,
    })
    statements.get(POSITION_SQL)
    this.lane = new ReadLane({
      cluster: name,
      pool: this.#laneSessions,
      width: LANE_WIDTH,
      clock,
      // Asked for the second time it has a name.
      position: statements.get(POSITION_SQL),
    })
  }

  async close(): Promise<void> {
    await Promise.all([this.writers.close(), this.readers.close(), this.#laneSessions.close()])
  }

  /** Cuts every session at once. */
  destroyAll(reason: Error): void {
    for (const pool of [this.writers, this.readers, this.#laneSessions]) pool.destroyAll(reason)
  }
}
