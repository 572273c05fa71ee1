import type { Clock } from '../../core/clock.ts'
import { POSITION_SQL } from '../../core/position.ts'
import { ReadLane } from '../connection/lane.ts'
import { Pool } from '../connection/pool.ts'
import { REPLAY_SQL } from '../connection/span.ts'
import type { Statement, Statements } from '../connection/statements.ts'
import { GUARDED, LANE_STATEMENT_MS, READ_SETTINGS, WRITE_SETTINGS } from './settings.ts'
import type { ConnectionOptions } from './types.ts'

/** Shared sessions for fast reads. Two keep two processors busy; more only make batches smaller. */
const LANE_WIDTH = 2

export interface NodeOptions {
  readonly cluster: string
  readonly connectionsMax: number
  readonly clock: Clock
  readonly statements: Statements
}

/** One server as the data client sees it: sessions that write, sessions that only read, and the shared lane. */
export class DataNode {
  /** E.g. `c0-pg-2`; the cluster's own name where it has no members. */
  readonly id: string
  readonly connection: ConnectionOptions
  readonly writers: Pool
  readonly readers: Pool
  readonly #laneSessions: Pool
  /** What asks it where its log stands. */
  readonly position: () => Statement
  readonly lane: ReadLane
  /** Whether it is asked for its position as a replica. */
  isReplica = false

  constructor(id: string, connection: ConnectionOptions, options: NodeOptions) {
    const { connectionsMax: max, clock, statements, cluster } = options
    // A role named like our schema would have its unqualified tables looked for there.
    const path = connection.user === 'tenfold' ? { search_path: 'public' } : {}
    this.id = id
    this.connection = connection
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
    for (const sql of [POSITION_SQL, REPLAY_SQL]) statements.get(sql)
    // Asked for the second time they have names.
    const [primary, replica] = [statements.get(POSITION_SQL), statements.get(REPLAY_SQL)]
    this.position = () => (this.isReplica ? replica : primary)
    this.lane = new ReadLane({
      cluster,
      pool: this.#laneSessions,
      width: LANE_WIDTH,
      clock,
      position: this.position,
    })
  }

  async close(): Promise<void> {
    await Promise.all([this.writers.close(), this.readers.close(), this.#laneSessions.close()])
  }

  /** Cuts every session at once. */
  destroyAll(reason: Error): void {
    for (const pool of this.#pools) pool.destroyAll(reason)
  }

  /** Cuts what there is and tells who waits here; the node can be used again. */
  cut(reason: Error): void {
    for (const pool of this.#pools) pool.cut(reason)
  }

  get #pools(): readonly Pool[] {
    return [this.writers, this.readers, this.#laneSessions]
  }
}
