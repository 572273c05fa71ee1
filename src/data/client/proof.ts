import type { Clock } from '../../core/clock.ts'
import type { Batch } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'
import type { Statement } from '../connection/statements.ts'

const statement = (text: string): Statement => ({ text, name: '', fastRuns: 0 })

const RUN = statement('select pg_postmaster_start_time()::text as run')
/** A transaction that has written something waits for a standby as any other; a number alone would not do. */
const COMMIT = [
  'begin read write',
  'set local synchronous_commit = on',
  // A reading session's limit is shorter than standbys may take; the caller has a limit of its own.
  'set local statement_timeout = 0',
  "select pg_postmaster_start_time()::text as run, pg_logical_emit_message(true, 'tenfold', '')",
  'commit',
].map(statement)
const RUN_AT = 3

/**
 * Proves of each run of a primary that a standby has what it shows.
 *
 * A commit that waits for its standby is in the log already. When the primary is restarted then, the commit is visible, and on
 * no standby: what a read shows may be undone by the next failover. The log is ordered: once a later commit is acknowledged, so
 * is everything before it. Sessions that were open before the restart have ended with it, so it is enough to look when one opens;
 * those of a replica that is promoted stay, and are looked at then.
 */
export class Proof {
  readonly #clock: Clock
  /** The run, by when its postmaster started. */
  #proven: string | undefined
  #proving: Promise<void> | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /**
   * Resolves when the server of this session may be read.
   * @throws Error when that takes longer than `ms` milliseconds, or a session is lost
   */
  async check(connection: Connection, ms: number): Promise<void> {
    const late = new AbortController()
    const timeout = this.#clock.sleep(ms, { signal: late.signal }).then(
      () => {
        throw new Error(`No standby has acknowledged what this primary shows for ${Math.round(ms)} ms`)
      },
      () => new Promise<never>(() => {}),
    )
    try {
      const run = runOf(await Promise.race([connection.run([{ statement: RUN, params: [] }]), timeout]), 0)
      while (run !== this.#proven) {
        this.#proving ??= this.#prove(connection).finally(() => {
          this.#proving = undefined
        })
        const proving = this.#proving
        await Promise.race([proving, timeout])
        // Another run was proven: this session ended with its own.
        if (run !== this.#proven && connection.lost) throw connection.lost
      }
    } finally {
      late.abort()
    }
  }

  /** In the reading session itself: those that write have enough to do. */
  async #prove(connection: Connection): Promise<void> {
    connection.takeSyncWaitCancelled() // a warning before is no word on this commit
    const batch = await connection.run(COMMIT.map((each) => ({ statement: each, params: [] })))
    const run = runOf(batch, RUN_AT)
    if (connection.takeSyncWaitCancelled()) throw new Error('A commit that proves the primary was cancelled')
    this.#proven = run
  }
}

/** What the server says here is no answer to anybody's statement: it may not be what it was thought to be. */
function runOf({ failure, results }: Batch, at: number): string {
  if (failure) throw new Error(`Not proven to be the primary: ${failure.message}`, { cause: failure })
  return String(results[at]?.rows[0]?.run)
}
