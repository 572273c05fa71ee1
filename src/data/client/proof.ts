import type { Clock } from '../../core/clock.ts'
import type { Connection } from '../connection/connection.ts'
import type { Pool } from '../connection/pool.ts'
import type { Statement } from '../connection/statements.ts'

const RUN: Statement = { text: 'select pg_postmaster_start_time()::text as run', name: '', fastRuns: 0 }
/** A transaction that has written something waits for a standby as any other; a number alone would not do. */
const COMMIT: Statement = {
  text: "select pg_postmaster_start_time()::text as run, pg_logical_emit_message(true, 'tenfold', '')",
  name: '',
  fastRuns: 0,
}

/**
 * Proves of each run of a primary that a standby has what it shows.
 *
 * A commit that waits for its standby is in the log already. When the primary is restarted then, the commit is visible, and on
 * no standby: what a read shows may be undone by the next failover. The log is ordered: once a later commit is acknowledged, so
 * is everything before it. Sessions that were open before the restart have ended with it, so it is enough to look when one opens.
 */
export class Proof {
  readonly #writers: Pool
  readonly #clock: Clock
  /** The run, by when its postmaster started. */
  #proven: string | undefined
  #proving: Promise<void> | undefined

  constructor(writers: Pool, clock: Clock) {
    this.#writers = writers
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
      () => {},
    )
    try {
      const run = await runOf(connection, RUN)
      while (run !== this.#proven) {
        this.#proving ??= this.#prove(ms).finally(() => {
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

  async #prove(ms: number): Promise<void> {
    const writer = await this.#writers.acquire(ms)
    try {
      const run = await runOf(writer, COMMIT)
      if (writer.takeSyncWaitCancelled()) {
        writer.destroy(new Error('The synchronous wait was cancelled'))
        throw new Error('A commit that proves the primary was cancelled')
      }
      this.#proven = run
    } finally {
      this.#writers.release(writer)
    }
  }
}

async function runOf(connection: Connection, statement: Statement): Promise<string> {
  const { failure, results } = await connection.run([{ statement, params: [] }])
  if (failure) throw failure
  return String(results[0]?.rows[0]?.run)
}
