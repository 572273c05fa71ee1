import type { SystemStatement } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { Rider } from '../core/rider.ts'
import { type Claim, type Claimed, handedOver } from './claimed.ts'
import { insertHeld, type JobRow } from './enqueue.ts'

/** The worker to whom a job is handed. */
export interface Hands {
  /** One more is on its way, or one comes no more. */
  expect(change: 1 | -1): void
  /** One that was expected is here. */
  take(job: Claimed): void
}

/**
 * Hands a job over to the worker of the process that records it. It is recorded as held by a claim of that worker, without a place in
 * the queue, and runs from memory when the transaction has committed.
 */
export class Handoff implements Rider {
  readonly #row: JobRow
  readonly #claim: Claim
  readonly #hands: Hands

  constructor(row: JobRow, claim: Claim, hands: Hands) {
    this.#row = row
    this.#claim = claim
    this.#hands = hands
  }

  statements(): SystemStatement[] {
    return [insertHeld(this.#row, this.#claim.id)]
  }

  sending(): void {
    this.#claim.admit()
    this.#hands.expect(1)
  }

  committed(position: Position | undefined): void {
    // Without it nobody knows what the run must not see anything older than: a claim will tell.
    if (position === undefined) {
      this.unknown()
      return
    }
    this.#hands.take(handedOver(this.#row, this.#claim, position))
  }

  rolledBack(): void {
    this.#hands.expect(-1)
    this.#claim.ended()
  }

  unknown(): void {
    this.#hands.expect(-1)
    const { id, bucket } = this.#row
    this.#claim.abandon({ id, bucket, fence: 0, claim: this.#claim })
  }
}
