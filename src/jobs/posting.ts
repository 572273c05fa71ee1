import type { SystemStatement } from '../core/ports.ts'
import { insertJobs, type JobRow } from './enqueue.ts'
import type { Delivery } from './handoff.ts'

/** Puts jobs into the queue. */
export class Posting implements Delivery {
  readonly statement: SystemStatement
  readonly #nudge: () => void

  constructor(rows: readonly JobRow[], nudge: () => void) {
    this.statement = insertJobs(rows)
    this.#nudge = nudge
  }

  sending(): void {}

  committed(): void {
    this.#nudge()
  }

  rolledBack(): void {}

  /** Should they be there, the next look finds them. */
  unknown(): void {}
}
