import type { SystemStatement } from './ports.ts'
import type { Position } from './position.ts'

/**
 * What goes along with a transaction: statements for its last round trip, gathered while its work ran, and what
 * has to happen with them as its outcome becomes known. One per run of the work.
 *
 * `sending` is called at most once, right before the round trip with COMMIT and in the same turn of the event loop as `statements`;
 * exactly one of the other three follows it. A run that is rolled back before sees none of them.
 */
export interface Rider {
  /** In order; none of them returns rows that matter. */
  statements(): readonly SystemStatement[]
  sending(): void
  /** Without a position when the connection was lost after COMMIT was confirmed. */
  committed(position: Position | undefined): void
  rolledBack(): void
  /** @param givenMs milliseconds that the server gives the transaction */
  unknown(givenMs: number): void
}

/** Finds what a write that committed before has still to deliver; called with its replay, before it answers. */
export interface ReplayHook {
  /** `$1` is the marker's id. Sent in the round trip that reads the stored result. */
  readonly sql: string
  replayed(
    cluster: string,
    marker: string,
    rows: readonly Record<string, unknown>[],
    position: Position | undefined,
  ): void
}
