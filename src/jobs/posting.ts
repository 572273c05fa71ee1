import type { SystemStatement } from '../core/ports.ts'
import type { Rider } from '../core/rider.ts'
import { insertJobs, type JobRow } from './enqueue.ts'

/** Puts jobs into the queue. */
export class Posting implements Rider {
  readonly #rows: readonly JobRow[]
  readonly #nudge: () => void

  constructor(rows: readonly JobRow[], nudge: () => void) {
    this.#rows = rows
    this.#nudge = nudge
  }

  statements(): SystemStatement[] {
    return [insertJobs(this.#rows)]
  }

  sending(): void {}

  committed(): void {
    this.#nudge()
  }

  rolledBack(): void {}

  /** Should they be there, the next look finds them. */
  unknown(): void {}
}
