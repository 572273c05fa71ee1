import type { Clock, Timer } from '../../core/clock.ts'
import type { ReadSpan } from '../../core/ports.ts'
import type { Position } from '../../core/position.ts'
import { DataUnavailable, DeadlineExceeded } from '../errors.ts'
import type { Batch, BatchItem } from './batch.ts'
import type { Connection } from './connection.ts'
import { classify, InRecovery, meansRecovery, sqlStateOf } from './failure.ts'
import type { Pool } from './pool.ts'
import { type Claim, isCovered, placeOf, widen } from './span.ts'
import type { Statement } from './statements.ts'

/** A copy of the data was late, or is lost: what was asked of it is to be asked of another. Nothing is known against the statement. */
export class CopyLost extends Error {
  /** Whether it went down with its connection, which it may have killed. */
  readonly wasSent: boolean
  constructor(message: string, options: ErrorOptions & { readonly wasSent?: boolean } = {}) {
    super(message, options)
    this.wasSent = options.wasSent ?? false
  }
}

/** Statements sent in one round trip, at most. */
const BATCH_MAX = 64
/** How often deadlines are looked at, in milliseconds. */
const TICK_MS = 100
/** Times a statement is sent before it is thought to be what kills the connections. */
export const SENDS_MAX = 10
/** Milliseconds to wait for a session. */
const CONNECT_MS = 5000
/** Pauses between attempts to connect, in milliseconds: doubled from the first to the second. */
const BACKOFF_MS = [5, 200] as const

interface Pending extends BatchItem {
  readonly deadlineAt: number
  readonly deadlineMs: number
  readonly span: ReadSpan | undefined
  readonly claim: Claim | undefined
  sends: number
  failure?: Error
  resolve(rows: Record<string, unknown>[]): void
  reject(error: unknown): void
}

interface InFlight {
  readonly connection: Connection
  readonly items: Pending[]
  /** Somebody wants to know where the log stood: the first statement of the batch asks for it. */
  readonly before: boolean
  /** The last one, too. */
  readonly after: boolean
  /** Who asked has gone elsewhere. */
  isAbandoned: boolean
}

export interface LaneOptions {
  readonly cluster: string
  readonly pool: Pool
  /** Sessions that the lane uses at once. */
  readonly width: number
  readonly clock: Clock
  /** Asks this server where its log stands. */
  readonly position: () => Statement
  /** Called when an answer has come, with the place in the log where it was given, if that was asked for. */
  readonly onAnswer?: (position: Position | undefined) => void
}

/**
 * Few shared sessions through which all fast, single-statement reads go. While a session is busy the next
 * statements gather, and leave together in one round trip: the busier, the larger the batches and the fewer
 * system calls on both sides. A statement that is lost with its connection is sent again until its deadline.
 */
export class ReadLane {
  readonly #cluster: string
  readonly #pool: Pool
  readonly #width: number
  readonly #clock: Clock
  readonly #position: () => Statement
  readonly #onAnswer: (position: Position | undefined) => void
  #queue: Pending[] = []
  readonly #inFlight = new Set<InFlight>()
  #active = 0
  #backoffMs: number = BACKOFF_MS[0]
  #resting = false
  #tick: Timer | undefined
  /**
   * Another server may answer as well: what is lost with its connection goes back to who asked, as {@link CopyLost},
   * rather than being sent here again.
   */
  moves = false

  constructor({ cluster, pool, width, clock, position, onAnswer = () => {} }: LaneOptions) {
    this.#cluster = cluster
    this.#position = position
    this.#onAnswer = onAnswer
    this.#pool = pool
    this.#width = width
    this.#clock = clock
  }

  /** Statements that wait for an answer. */
  get outstanding(): number {
    let count = this.#queue.length
    for (const { items } of this.#inFlight) count += items.length
    return count
  }

  /** Gives back all that waits for an answer here; what was sent may still be answered, to nobody. */
  abandon(reason: CopyLost): void {
    for (const item of this.#queue.splice(0)) item.reject(reason)
    for (const flight of this.#inFlight) {
      flight.isAbandoned = true
      for (const item of flight.items) item.reject(reason)
    }
  }

  query(
    statement: Statement,
    params: readonly unknown[],
    deadlineMs: number,
    span?: ReadSpan,
    claim?: Claim,
  ): Promise<Record<string, unknown>[]> {
    return new Promise((resolve, reject) => {
      this.#queue.push({
        statement,
        params,
        deadlineMs,
        span,
        claim,
        deadlineAt: this.#clock.monotonic() + deadlineMs,
        sends: 0,
        resolve,
        reject,
      })
      this.#tick ??= this.#clock.timer(TICK_MS, () => this.#checkDeadlines())
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#resting) return
    while (this.#queue.length > 0 && this.#active < this.#width) {
      this.#active++
      void this.#serve()
    }
  }

  /** One session's turn: takes batches until the queue is empty. */
  async #serve(): Promise<void> {
    let connection: Connection | undefined
    try {
      connection = await this.#pool.acquire(CONNECT_MS)
      this.#backoffMs = BACKOFF_MS[0]
      while (this.#queue.length > 0 && !this.#resting && !connection.lost && this.#pool.isVetted(connection))
        await this.#send(connection)
    } catch (error) {
      this.#rest(error as Error)
    } finally {
      if (connection) this.#pool.release(connection)
      this.#active--
      this.#flush()
    }
  }

  async #send(connection: Connection): Promise<void> {
    const share = Math.ceil(this.#queue.length / (this.#width - this.#active + 1))
    const items = this.#queue.splice(0, Math.min(BATCH_MAX, share))
    const before = items.some(
      ({ span, claim }) => span !== undefined || !isCovered(claim, connection.replayed),
    )
    const after = before || items.some(({ claim }) => claim !== undefined)
    const flight: InFlight = { connection, items, before, after, isAbandoned: false }
    this.#inFlight.add(flight)
    const sent: BatchItem[] = [...items]
    const position = after ? { statement: this.#position(), params: [] } : undefined
    if (position && before) sent.unshift(position)
    if (position) sent.push(position)
    const batch = await connection.run(sent)
    this.#inFlight.delete(flight)
    // A session that is ending takes no more statements: each would use up its sends on it.
    if (batch.failure && isEnding(batch.failure)) connection.destroy(batch.failure)
    const known = connection.replayed
    const first = before ? placeOf(connection, batch.results[0]) : undefined
    const last = after ? placeOf(connection, batch.results[items.length + (before ? 1 : 0)]) : undefined
    for (const { claim } of items) if (claim) Object.assign(claim, { from: first ?? known, upto: last })
    if (batch.results.length > 0) this.#onAnswer(last ?? first)
    if (!flight.isAbandoned) this.#settle(flight, batch)
  }

  #settle({ items, before, after }: InFlight, batch: Batch): void {
    const again: Pending[] = []
    const first = before ? 1 : 0
    const unanswered = Math.max(0, batch.results.length - first)
    const { failure } = batch
    // An answer that nobody can be held to, as its place in the log did not come along, is none.
    const isPlaced = !after || unanswered > items.length
    const isUnplaced = failure && (batch.results.length < first || unanswered === items.length)
    // It is not what it was, or goes.
    const isLost = this.moves && failure && (isEnding(failure) || isUnplaced)
    const isRecovering = isUnplaced && !isLost && meansRecovery(failure)
    for (const [at, item] of items.entries()) {
      const result = batch.results[at + first]
      if (result && item.span) widen(item.span, batch.results[0], batch.results[items.length + 1])
      if (result?.unreadable) item.reject(result.unreadable)
      else if (result && (isPlaced || !item.claim)) item.resolve(result.rows)
      else if (isLost) item.reject(new CopyLost(failure.message, { cause: failure, wasSent: true }))
      else if (isRecovering && item.deadlineAt > this.#clock.monotonic()) {
        item.failure = new InRecovery(failure)
        again.push(item)
      }
      // PostgreSQL skipped what came after the failure: only the first unanswered item can be its cause.
      else if (at === unanswered && batch.failure && !this.#maySendAgain(item, batch.failure))
        item.reject(item.failure)
      else if (item.deadlineAt > this.#clock.monotonic()) again.push(item)
      else item.reject(new DataUnavailable(this.#cluster, 'not applied', batch.failure))
    }
    if (again.length > 0) this.#queue = again.concat(this.#queue)
    if (isRecovering) this.#rest(new InRecovery(failure))
    if (batch.failure && sqlStateOf(batch.failure) === '57014') this.#evict(items[unanswered], batch.failure)
  }

  /** What was too slow would be so again, e.g. while a table is locked: all that wait for it leave together. */
  #evict(slow: Pending | undefined, failure: Error): void {
    for (const item of this.#queue) if (item.statement === slow?.statement) item.reject(failure)
    this.#queue = this.#queue.filter(({ statement }) => statement !== slow?.statement)
  }

  #maySendAgain(item: Pending, failure: Error): boolean {
    const kind = classify(failure)
    item.failure = failure
    if ((kind !== 'connection' && kind !== 'plan') || sqlReadOnly(failure)) return false
    if (++item.sends < SENDS_MAX) return true
    item.failure = new DataUnavailable(this.#cluster, 'not applied', failure)
    return false
  }

  /** PostgreSQL cannot be reached: pause, then try again as long as anybody waits. */
  #rest(error: Error): void {
    if (this.moves) {
      const lost = new CopyLost(error.message, { cause: error })
      for (const item of this.#queue.splice(0)) item.reject(lost)
      return
    }
    for (const item of this.#queue) item.failure = error
    if (this.#resting) return
    this.#resting = true
    void this.#clock.sleep(this.#backoffMs).then(() => {
      this.#resting = false
      this.#flush()
    })
    this.#backoffMs = Math.min(this.#backoffMs * 2, BACKOFF_MS[1])
  }

  #checkDeadlines(): void {
    const now = this.#clock.monotonic()
    const late = this.#queue.filter((item) => item.deadlineAt <= now)
    if (late.length > 0) this.#queue = this.#queue.filter((item) => item.deadlineAt > now)
    for (const item of late) {
      // Nobody was slow: it was not even sent.
      const why = item.failure ?? new Error(`no session within ${Math.round(item.deadlineMs)} ms`)
      item.reject(new DataUnavailable(this.#cluster, 'not applied', why))
    }
    for (const { connection, items } of this.#inFlight) {
      for (const item of items) {
        if (item.deadlineAt <= now) item.reject(new DeadlineExceeded('A read', item.deadlineMs))
      }
      // Nothing in the lane is slow: a batch past its deadlines means a silent peer.
      if (items.every((item) => item.deadlineAt <= now))
        connection.destroy(new Error('No answer within the deadline'))
    }
    this.#tick =
      this.#queue.length + this.#inFlight.size > 0
        ? this.#clock.timer(TICK_MS, () => this.#checkDeadlines())
        : undefined
  }
}

function isEnding(error: Error): boolean {
  return classify(error) === 'connection' && !sqlReadOnly(error)
}

/** In a session that is read-only by choice, SQLSTATE 25006 is the statement's fault, not a demoted primary's. */
function sqlReadOnly(error: Error): boolean {
  return (error as { code?: string }).code === '25006'
}
