import type { Clock } from '../../core/clock.ts'
import { POSITION_SQL, type Position } from '../../core/position.ts'
import type { Connection } from '../connection/connection.ts'
import { SessionCut } from '../connection/failure.ts'
import { CopyLost, ReadLane } from '../connection/lane.ts'
import { Pool } from '../connection/pool.ts'
import { REPLAY_SQL, replayOf } from '../connection/span.ts'
import type { Statement, Statements } from '../connection/statements.ts'
import { LATE_MS, Pulse } from '../routing/pulse.ts'
import { Settling } from '../routing/settling.ts'
import { Proof } from './proof.ts'
import { GUARDED, LANE_STATEMENT_MS, READ_SETTINGS, WRITE_SETTINGS } from './settings.ts'
import type { ConnectionOptions } from './types.ts'

/** Shared sessions for fast reads. Two keep two processors busy; more only make batches smaller. */
const LANE_WIDTH = 2

export interface NodeOptions {
  readonly cluster: string
  readonly connectionsMax: number
  readonly clock: Clock
  readonly statements: Statements
  /** A replica has told where it is. */
  readonly onPosition: (position: Position) => void
  /** Whether there are standbys that a primary may be ahead of. */
  readonly isWatched: () => boolean
  /** Commits have not become visible for too long. */
  readonly onUnsettled: (node: DataNode, commits: number) => void
  /** It has not answered for too long; its reads have gone elsewhere. */
  readonly onLate: (node: DataNode) => void
}

/** One server as the data client sees it: sessions that write, sessions that only read, and the shared lane. */
export class DataNode {
  /** E.g. `c0-pg-2`; the cluster's own name where it has no members. */
  id: string
  readonly connection: ConnectionOptions
  readonly writers: Pool
  readonly readers: Pool
  readonly #laneSessions: Pool
  /** For {@link settling}: one that waits for nobody's read. */
  readonly #looks: Pool
  /** What asks it where its log stands. */
  readonly position: () => Statement
  readonly lane: ReadLane
  /** As the primary: up to where it shows what is in its log. */
  readonly settling: Settling
  /** Whether it is asked for its position as a replica. */
  isReplica = false
  /** As a replica: what it had replayed when it last told, and when that was in monotonic milliseconds. */
  known: Position | undefined
  toldAt = Number.NEGATIVE_INFINITY
  /** Reads that wait for its answer as a replica. */
  outstanding = 0
  isLate = false
  readonly #options: NodeOptions
  readonly #pulse: Pulse
  readonly #onLate = new Set<() => void>()
  #pinging = false

  constructor(id: string, connection: ConnectionOptions, options: NodeOptions) {
    const { connectionsMax: max, clock, statements, cluster, isWatched } = options
    this.#options = options
    // A role named like our schema would have its unqualified tables looked for there.
    const path = connection.user === 'tenfold' ? { search_path: 'public' } : {}
    this.id = id
    this.connection = connection
    this.writers = new Pool({ connection, settings: { ...WRITE_SETTINGS, ...path }, max, clock })
    const proof = new Proof(clock)
    const vet = async (session: Connection, waitMs: number): Promise<void> => {
      if (isWatched() && !this.isReplica) await proof.check(session, waitMs)
    }
    const settings = { ...READ_SETTINGS, ...path }
    const reading = { connection, settings, guarded: GUARDED, clock, vet }
    // Most reads go through the lane: a session for the others is made when it is needed.
    this.readers = new Pool({ ...reading, idleMin: 0, max })
    this.#laneSessions = new Pool({
      ...reading,
      settings: { ...settings, statement_timeout: String(LANE_STATEMENT_MS) },
      max: LANE_WIDTH,
    })
    this.#looks = new Pool({ ...reading, idleMin: 0, max: 1 })
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
      onAnswer: (position) => this.#heard(position),
    })
    this.settling = new Settling({
      clock,
      pool: this.#looks,
      statements,
      onGivenUp: (commits) => options.onUnsettled(this, commits),
    })
    this.#pulse = new Pulse({
      clock,
      outstanding: () => this.outstanding,
      ping: () => this.ping(),
      late: () => this.#tooLate(),
    })
  }

  /** A read is sent to it as to a replica; {@link settled} must follow. */
  sent(): void {
    this.outstanding++
    this.#pulse.sent()
  }

  settled(): void {
    this.outstanding--
  }

  /** Asks a replica where it is, through the lane; at most one question is under way. */
  ping(): void {
    if (this.#pinging || !this.isReplica) return
    this.#pinging = true
    const { clock } = this.#options
    this.lane
      .query(this.position(), [], LATE_MS * 2)
      .then(([row]) => this.#told(replayOf(row), clock.monotonic()))
      .catch(() => {}) // whoever waits for it notices
      .finally(() => {
        this.#pinging = false
      })
  }

  /** It answers, as somebody has seen. */
  answers(): void {
    this.isLate = false
    this.#pulse.heard()
  }

  /** Calls `listener` when it has not answered for too long. @returns what takes the listener away */
  onLate(listener: () => void): () => void {
    this.#onLate.add(listener)
    return () => this.#onLate.delete(listener)
  }

  #heard(position: Position | undefined): void {
    if (!this.isReplica) return
    this.answers()
    if (position) this.#told(position, this.#options.clock.monotonic())
  }

  #told(position: Position | undefined, at: number): void {
    if (!position || !this.isReplica) return
    this.known = position
    this.toldAt = at
    this.#options.onPosition(position)
  }

  #tooLate(): void {
    // What it was asked as a replica may be late, while it is the primary.
    if (!this.isReplica) return
    this.isLate = true
    this.lane.abandon(new CopyLost(`${this.id} does not answer`))
    for (const listener of [...this.#onLate]) listener()
    this.#options.onLate(this)
  }

  async close(): Promise<void> {
    this.#pulse.stop()
    await Promise.all(this.#pools.map((pool) => pool.close()))
  }

  /** Cuts every session at once. */
  destroyAll(reason: Error): void {
    for (const pool of this.#pools) pool.destroyAll(reason)
  }

  /** Cuts what there is and tells who waits here; the node can be used again. */
  cut(reason: Error): void {
    this.cutReads(reason)
    this.writers.cut(reason)
  }

  /** It may not answer now, but perhaps in a moment: who waits here goes elsewhere, and the sessions of the lane stay. */
  rest(reason: string): void {
    this.lane.abandon(new CopyLost(reason))
    this.readers.cut(new SessionCut(reason))
  }

  /** Cuts the sessions that read; what it has told as a replica is void. */
  cutReads(reason: Error): void {
    this.#forget()
    this.lane.abandon(new CopyLost(reason.message))
    for (const pool of [this.readers, this.#laneSessions, this.#looks]) pool.cut(reason)
  }

  /** It has become the primary: sessions that were made with a replica have not asked whether what it shows is on a standby, too. */
  promoted(): void {
    this.#forget()
    for (const pool of [this.readers, this.#laneSessions, this.#looks]) pool.vetAgain()
  }

  #forget(): void {
    this.settling.forget()
    this.known = undefined
    this.toldAt = Number.NEGATIVE_INFINITY
    this.isLate = false
  }

  get #pools(): readonly Pool[] {
    return [this.writers, this.readers, this.#laneSessions, this.#looks]
  }
}
