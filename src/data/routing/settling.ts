import type { Clock } from '../../core/clock.ts'
import { POSITION_SQL, type Position, type PositionRow, positionOfRow } from '../../core/position.ts'
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

/** All that was in the log up to `upto` had become visible on the primary when its log was read to be at `reading`. */
export interface Settlement {
  readonly upto: Position
  readonly reading: Position
}

export interface SettlingOptions {
  readonly clock: Clock
  /** Of sessions that read. */
  readonly pool: Pool
  readonly statements: Statements
  /** Commits are still not visible after {@link SETTLE_MS_MAX}. */
  readonly onGivenUp: (commits: number) => void
}

/**
 * Finds out up to where a primary shows what is in its log.
 *
 * A commit is in the log before it is visible: between the two it waits for a standby, which shows it as soon as it has replayed it.
 * Whoever was answered by that standby must not be answered by the primary, or from a cache that was filled there, before the
 * primary shows it, too. PostgreSQL tells no place in the log up to which all is visible; but whatever was in the log at some
 * moment had begun to be committed before, so it is enough to wait for those that are at it then.
 */
export class Settling {
  readonly #options: SettlingOptions
  /** Both places rise from one to the next. */
  #known: Settlement[] = []
  #running: Promise<Settlement> | undefined

  constructor(options: SettlingOptions) {
    this.#options = options
  }

  /** The earliest that says it of `need`, or of a later timeline. */
  known(need: Position): Settlement | undefined {
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
    if (this.#running) {
      const found = await this.#running.catch(() => undefined)
      if (found && covers(found.upto, need)) return found
    }
    return this.refresh()
  }

  /** Looks anew, or waits for a look that has begun already; one at a time. */
  refresh(): Promise<Settlement> {
    this.#running ??= this.#look().finally(() => {
      this.#running = undefined
    })
    return this.#running
  }

  /** It may go on in another history. */
  forget(): void {
    this.#known = []
  }

  async #look(): Promise<Settlement> {
    const { pool, clock, statements } = this.#options
    const connection = await pool.acquire(ANSWER_MS)
    const committing: BatchItem = { statement: statements.get(COMMITTING_SQL), params: [] }
    const position: BatchItem = { statement: statements.get(POSITION_SQL), params: [] }
    try {
      const [before, first, after] = await this.#ask(connection, [position, committing, position])
      const upto = placeIn(before)
      let waiting = commitsIn(first)
      let reading = placeIn(after)
      const startedAt = clock.monotonic()
      for (
        let pauseMs: number = PAUSE_MS[0];
        waiting.size > 0;
        pauseMs = Math.min(pauseMs * 2, PAUSE_MS[1])
      ) {
        if (clock.monotonic() - startedAt > SETTLE_MS_MAX) {
          this.#options.onGivenUp(waiting.size)
          break
        }
        await clock.sleep(pauseMs)
        const [now, then] = await this.#ask(connection, [committing, position])
        waiting = waiting.intersection(commitsIn(now))
        reading = placeIn(then)
      }
      return this.#note({ upto, reading })
    } finally {
      pool.release(connection)
    }
  }

  async #ask(connection: Connection, items: readonly BatchItem[]): Promise<readonly StatementResult[]> {
    const cut = this.#options.clock.timer(ANSWER_MS, () =>
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

/** What a later timeline has of an earlier one was visible when it began. */
const covers = (upto: Position, need: Position): boolean =>
  upto.timeline > need.timeline || reaches(upto, need)

const placeIn = (result: StatementResult | undefined): Position =>
  positionOfRow(result?.rows[0] as unknown as PositionRow)

const commitsIn = (result: StatementResult | undefined): Set<string> =>
  new Set(result?.rows.map(({ committing }) => committing as string))
