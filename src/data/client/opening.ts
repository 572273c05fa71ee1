import type pg from 'pg'
import type { BatchItem, StatementResult } from '../connection/batch.ts'
import type { Connection } from '../connection/connection.ts'

/** What one round trip said. */
export interface Trip {
  readonly results: readonly StatementResult[]
  readonly failure: Error | undefined
}

/** A session as the user of a transaction needs it. */
export interface Session {
  /** One round trip. Never rejects. */
  run(items: readonly BatchItem[]): Promise<Trip>
  readonly raw: pg.Client
}

/**
 * A session on which the statements that open a transaction wait, to leave in one round trip with the first statement
 * that follows, or when they are asked for. PostgreSQL skips that statement when one of them fails.
 *
 * `refusal` tells why nothing may follow, though none failed: then what has gone along has that failure.
 */
export class Opening implements Session {
  /** What they said, once they have left. */
  readonly told: Promise<Trip>
  #tell: (opened: Trip) => void = () => {}
  #held: readonly BatchItem[] | undefined
  readonly #connection: Connection
  readonly #refusal: (opened: Trip) => Error | undefined

  constructor(
    connection: Connection,
    items: readonly BatchItem[],
    refusal: (opened: Trip) => Error | undefined = () => undefined,
  ) {
    this.#connection = connection
    this.#held = items
    this.#refusal = refusal
    this.told = new Promise((resolve) => {
      this.#tell = resolve
    })
  }

  /** Whether nothing has taken them along yet. */
  get waits(): boolean {
    return this.#held !== undefined
  }

  async run(items: readonly BatchItem[]): Promise<Trip> {
    const held = this.#held
    if (!held) return this.#connection.run(items)
    this.#held = undefined
    const { results, failure } = await this.#connection.run([...held, ...items])
    const opened = {
      results: results.slice(0, held.length),
      failure: results.length < held.length ? failure : undefined,
    }
    const refused = opened.failure ?? this.#refusal(opened)
    this.#tell(opened)
    return { results: results.slice(held.length), failure: refused ?? failure }
  }

  /** `pg`'s own client; what is sent on it comes after what opens the transaction. */
  get raw(): pg.Client {
    if (this.waits) void this.run([])
    return this.#connection.raw
  }
}
