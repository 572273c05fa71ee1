import { failureOn } from '../connection/failure.ts'
import { DataUnavailable } from '../errors.ts'
import { type ApplyEnvironment, applyUnmarked, type Fenced, inOneTrip } from './apply.ts'
import { WAITING_MAX } from './cluster.ts'
import { Deadline } from './retry.ts'
import { DEADLINE_MS } from './settings.ts'

/** Transactions under way at once. */
const WIDTH = 3
/** Who leaves in one transaction, at most. */
const GATHERED_MAX = 32

/** What one request has to write down for the platform. */
export interface PlatformRecord extends Fenced {
  /** Places it. All transactions take their rows in this order, so that no two wait for each other. */
  readonly hash: number
  /** In a transaction of its own, wherever it belongs by then. */
  alone(): Promise<unknown[][]>
}

interface Waiting {
  readonly record: PlatformRecord
  readonly deadline: Deadline
  resolve(rows: unknown[][]): void
  reject(error: unknown): void
}

/**
 * The platform's records of one cluster (reservations, sessions, limits), which the requests of a process write at the same
 * time. Those that come while a transaction is under way leave together in the next: one round trip, and one commit that waits
 * for a standby. Where nobody waits each goes at once. After a failover, when every request has waited, dozens need one commit.
 *
 * What is refused says nothing of the others: each is then tried alone.
 */
export class Gathered {
  readonly #env: ApplyEnvironment
  #queue: Waiting[] = []
  #working = 0
  #beginning = false

  constructor(env: ApplyEnvironment) {
    this.#env = env
  }

  /**
   * Resolves with the rows of each statement once they are committed.
   * @throws DataUnavailable after 10 s, or at once when 2,000 wait already; else what the statements fail with
   */
  apply(record: PlatformRecord): Promise<unknown[][]> {
    const { name, clock } = this.#env.route()
    if (this.#queue.length >= WAITING_MAX)
      return Promise.reject(
        new DataUnavailable(name, 'not applied', new Error(`${WAITING_MAX} records wait already`)),
      )
    return new Promise((resolve, reject) => {
      this.#queue.push({ record, deadline: new Deadline(clock, DEADLINE_MS), resolve, reject })
      this.#begin()
    })
  }

  /** A moment later: whoever comes in the same turn leaves together. */
  #begin(): void {
    if (this.#beginning || this.#working >= WIDTH) return
    this.#beginning = true
    queueMicrotask(() => {
      this.#beginning = false
      void this.#work()
    })
  }

  async #work(): Promise<void> {
    this.#working++
    while (this.#queue.length > 0) await this.#once()
    this.#working--
  }

  /** One transaction of whoever waits when there is a session for it. */
  async #once(): Promise<void> {
    const { deadline } = this.#queue[0]!
    let taken: Waiting[] = []
    try {
      const rows = await applyUnmarked(
        { ...this.#env, deadline, admitted: true },
        async (connection, cluster) => {
          if (taken.length === 0) taken = this.#queue.splice(0, GATHERED_MAX)
          if (taken.length === 0) return new Map<PlatformRecord, unknown[][]>()
          try {
            const sorted = taken.map(({ record }) => record).toSorted((one, other) => one.hash - other.hash)
            const rows = await inOneTrip(sorted)(connection, cluster)
            return new Map(sorted.map((record, at) => [record, rows[at]!]))
          } catch (error) {
            const kind = failureOn(connection, error)
            // One of the statements, or its bucket, is refused: whose it is they find out apart.
            if (kind === 'statement' || kind === 'stale') return undefined
            throw error
          }
        },
      )
      // In the order of their coming: who has waited longest goes on first.
      for (const { record, resolve, reject } of taken)
        if (rows) resolve(rows.get(record)!)
        else record.alone().then(resolve, reject)
    } catch (error) {
      this.#failed(taken, deadline, error)
    }
  }

  /**
   * When the time of the first was over, others have some left, and those whose time is over too may have been told by another
   * that was under way for them. What has failed otherwise has failed for all that it was for.
   */
  #failed(taken: readonly Waiting[], deadline: Deadline, error: unknown): void {
    const all = [...taken, ...this.#queue]
    const apart = taken.length > 0 ? taken : all
    const gone = new Set(deadline.passed ? all.filter((one) => one.deadline.passed) : apart)
    this.#queue = all.filter((one) => !gone.has(one))
    for (const { reject } of gone) reject(error)
  }
}
