import type { Clock } from '../../core/clock.ts'
import {
  POSITION_SQL,
  type Position,
  type PositionRow,
  positionOfRow,
  type Settlement,
} from '../../core/position.ts'
import type { BatchItem, StatementResult } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import type { Pool } from '../connection/pool.ts'
import { reaches } from '../connection/span.ts'
import type { Statements } from '../connection/statements.ts'

/**
 * Transactions that are being committed. Each is told from the first byte of its COMMIT until it has become visible or has failed;
 * one that ends without a COMMIT of its own (a statement by itself, of another program) while it waits for its standby.
 */
const COMMITTING_SQL = `select pid || ' ' || xact_start::text as committing
  from pg_stat_get_activity(null)
 where state = 'active' and xact_start is not null and pid <> pg_backend_pid()
   and datid = (select oid from pg_database where datname = current_database())
   and (wait_event = 'SyncRep' or query ~* '^\\s*(commit|end)\\M')`

/** Milliseconds to get a session, and to an answer of it. */
const ANSWER_MS = 5_000
/** First and last pause between two looks. A commit is acknowledged within a millisecond or two. */
const PAUSE_MS = [1, 20] as const
/**
 * Milliseconds after which a commit is waited for no longer. The standby whose word it waits for is gone by then, and nobody can say
 * whether that had shown it.
 */
export const SETTLE_MS_MAX = 5_000
/** Places that are known, at most. */
const KNOWN_MAX = 64

export interface SettlingOptions {
  readonly clock: Clock
  /** Of a session of its own: what reads may take long, and commits wait for nobody here. */
  readonly pool: Pool
  readonly statements: Statements
  /** Commits are still not visible after {@link SETTLE_MS_MAX}. */
  readonly onGivenUp: (commits: number) => void
}

interface Waiter {
  resolve(found: Settlement): void
  reject(error: unknown): void
}

/** A place in the log, and those who were committing when it was its end and have not finished since. */
interface Open {
  readonly upto: Position
  committing: ReadonlySet<string>
  readonly waiters: Waiter[]
}

/**
 * Finds out up to where a primary shows what is in its log.
 *
 * A commit is in the log before it is visible: between the two it waits for a standby, which shows it as soon as it has replayed it.
 * Whoever was answered by that standby must not be answered by the primary, or from a cache that was filled there, before the
 * primary shows it, too. PostgreSQL tells no place in the log up to which all is visible; but whatever was in the log at some
 * moment had begun to be committed before, so it is enough to wait for those that are at it then.
 *
 * One session looks again and again as long as anybody waits. Each look begins a new place for those who have come, and
 * is one more for the places before: a commit that hangs holds up nobody who does not need it.
 */
export class Settling {
  readonly #options: SettlingOptions
  /** Both places rise from one to the next. */
  #known: Settlement[] = []
  #arrived: Waiter[] = []
  #open: Open[] = []
  /** When each of those who are committing was first met, in monotonic milliseconds. */
  #met: ReadonlyMap<string, number> = new Map()
  #looking = false

  constructor(options: SettlingOptions) {
    this.#options = options
  }

  /** The earliest that says it of `need`, or of a later timeline. */
  known(need: Position): Settlement | undefined {
    const last = this.#known.at(-1)
    if (!last || !covers(last.upto, need)) return undefined
    return this.#known.find(({ upto }) => covers(upto, need))
  }

  /**
   * Waits until `need` is visible. What lies beyond the end of the log was seen in a history that is lost; then the answer is about
   * what there is.
   * @throws Error when the server is lost, or silent
   */
  async reach(need: Position): Promise<Settlement> {
    const known = this.known(need)
    if (known) return known
    const open = this.#open.find(({ upto }) => covers(upto, need))
    return new Promise((resolve, reject) => {
      const waiter = { resolve, reject }
      if (open) open.waiters.push(waiter)
      else this.#arrive(waiter)
    })
  }

  /** Looks anew, where nobody looks: later needs then find it known. */
  refresh(): void {
    if (!this.#looking) this.#arrive({ resolve: () => {}, reject: () => {} })
  }

  #arrive(waiter: Waiter): void {
    this.#arrived.push(waiter)
    if (!this.#looking) void this.#look()
  }

  /** It may go on in another history. */
  forget(): void {
    this.#known = []
  }

  async #look(): Promise<void> {
    const { pool, clock } = this.#options
    this.#looking = true
    let connection: Connection | undefined
    try {
      connection = await pool.acquire(ANSWER_MS)
      for (let pauseMs: number = PAUSE_MS[0]; ; pauseMs = Math.min(pauseMs * 2, PAUSE_MS[1])) {
        if (this.#arrived.length > 0) pauseMs = PAUSE_MS[0]
        await this.#once(connection)
        if (this.#open.length + this.#arrived.length === 0) return
        if (this.#arrived.length === 0) await clock.sleep(pauseMs)
      }
    } catch (error) {
      const waiting = [...this.#arrived.splice(0), ...this.#open.splice(0).flatMap(({ waiters }) => waiters)]
      for (const { reject } of waiting) reject(error)
    } finally {
      this.#looking = false
      if (connection) pool.release(connection)
    }
  }

  async #once(connection: Connection): Promise<void> {
    const came = this.#arrived.length
    const [before, now, after] = await this.#ask(connection)
    const waiters = this.#arrived.splice(0, came)
    const committing = this.#waitedFor(commitsIn(now))
    const reading = placeIn(after)
    if (came > 0) this.#open.push({ upto: placeIn(before), committing, waiters })
    for (const open of this.#open) open.committing = open.committing.intersection(committing)
    // Whoever is at the last place was at all before it: those end first.
    while (this.#open[0]?.committing.size === 0) {
      const { upto, waiters } = this.#open.shift() as Open
      const found = this.#note({ upto, reading })
      for (const { resolve } of waiters) resolve(found)
    }
  }

  /** Those that are worth waiting for still. */
  #waitedFor(committing: ReadonlySet<string>): ReadonlySet<string> {
    const now = this.#options.clock.monotonic()
    const before = this.#met
    this.#met = new Map([...committing].map((id) => [id, before.get(id) ?? now]))
    const late = [...this.#met].filter(([, at]) => now - at > SETTLE_MS_MAX)
    const news = late.filter(([, at]) => at !== GIVEN_UP)
    if (news.length > 0) this.#options.onGivenUp(news.length)
    for (const [id] of news) (this.#met as Map<string, number>).set(id, GIVEN_UP)
    return committing.difference(new Set(late.map(([id]) => id)))
  }

  async #ask(connection: Connection): Promise<readonly StatementResult[]> {
    const { statements, clock } = this.#options
    const items = [POSITION_SQL, COMMITTING_SQL, POSITION_SQL].map(
      (sql): BatchItem => ({ statement: statements.get(sql), params: [] }),
    )
    const cut = clock.timer(ANSWER_MS, () =>
      connection.destroy(new Error(`No answer within ${ANSWER_MS} ms`)),
    )
    try {
      const { failure, results } = await connection.run(items)
      if (failure) throw failure
      return results
    } finally {
      cut.cancel()
    }
  }

  #note(found: Settlement): Settlement {
    const last = this.#known.at(-1)
    if (last && last.upto.timeline !== found.upto.timeline) this.#known = []
    // Where nothing was written meanwhile the earlier reading is the one that more caches have passed.
    if (!last || !reaches(last.upto, found.upto)) this.#known.push(found)
    if (this.#known.length > KNOWN_MAX) this.#known.shift()
    return found
  }
}

/** When a commit was met that is not waited for any more. */
const GIVEN_UP = Number.NEGATIVE_INFINITY

/** What a later timeline has of an earlier one was visible when it began. */
const covers = (upto: Position, need: Position): boolean =>
  upto.timeline > need.timeline || reaches(upto, need)

const placeIn = (result: StatementResult | undefined): Position =>
  positionOfRow(result?.rows[0] as unknown as PositionRow)

const commitsIn = (result: StatementResult | undefined): Set<string> =>
  new Set(result?.rows.map(({ committing }) => committing as string))
