import { type WriteScope, withinWrite } from '../../core/context.ts'
import { isTenfoldError } from '../../core/errors.ts'
import type { SystemStatement } from '../../core/ports.ts'
import type { Position } from '../../core/position.ts'
import type { Rider } from '../../core/rider.ts'
import type { Connection } from '../connection/connection.ts'
import { type Failure, failureOn } from '../connection/failure.ts'
import {
  DataUnavailable,
  DeadlineExceeded,
  type Outcome,
  ReplayDiverged,
  ResultNotJson,
  ResultTooLarge,
  StaleRouter,
  TransactionAborted,
} from '../errors.ts'
import type { Cluster } from './cluster.ts'
import { type Begun, type Conversation, converse } from './conversation.ts'
import type { Marker } from './marker.ts'
import type { DataNode } from './node.ts'
import { outcomeOf, withinRequest } from './outcome.ts'
import { publicFailure } from './public-failure.ts'
import { isTraced, shownByPrimary } from './read-place.ts'
import { Backoff, Deadline } from './retry.ts'
import { DEADLINE_MS } from './settings.ts'
import { settled } from './settled.ts'
import { Transaction, type TxHandle } from './transaction.ts'
import type { Target, WriteEnvironment, WriteOptions } from './write-types.ts'

/** Characters of JSON that a write may return: it is stored with its marker. */
const RESULT_LENGTH_MAX = 1024 * 1024
/** Directory refreshes within one write; a bucket that is still refused then is not open anywhere. */
const REFRESHES_MAX = 50

/** An attempt that says nothing about the write itself: run it again. */
class RunAgain extends Error {
  readonly kind: Failure
  constructor(kind: Failure, cause: unknown) {
    super('Run again', { cause })
    this.kind = kind
  }
}

interface How {
  /** Roll back in the end. */
  readonly rollback: boolean
  /** Do not wait for the marker: it leaves with the first statement of `work`. */
  readonly ahead: boolean
}

/** One call of `write`, over all its attempts. */
export class WriteRun<Tables, R> {
  readonly #env: WriteEnvironment
  readonly #target: Target
  readonly #marker: Marker
  readonly #work: (tx: TxHandle<Tables>) => Promise<R>
  readonly #options: WriteOptions
  readonly #deadline: Deadline
  #cluster: Cluster
  #node: DataNode | undefined
  /** Milliseconds that `work` has taken, over all attempts. */
  #workedMs = 0
  /** When the last session was lost, its server was the primary for all that was known before. */
  #wasServed = true
  /** A COMMIT was sent and not answered: only the marker can tell. */
  inDoubt = false
  /** What rode along with a COMMIT whose outcome is not known yet. */
  #doubtful: Rider[] = []

  constructor(
    env: WriteEnvironment,
    target: Target,
    marker: Marker,
    work: (tx: TxHandle<Tables>) => Promise<R>,
    options: WriteOptions,
  ) {
    this.#env = env
    this.#target = target
    this.#marker = marker
    this.#work = work
    this.#options = options
    this.#cluster = target.route().cluster
    this.#deadline = new Deadline(this.#cluster.clock, options.deadlineMs ?? DEADLINE_MS)
  }

  async resolve(): Promise<unknown> {
    if (this.#env.doubleRun) await this.#settled({ rollback: true })
    try {
      return await this.#settled({ rollback: false })
    } finally {
      this.#settleDoubt((rider) => rider.unknown(Math.max(this.#deadline.ms, DEADLINE_MS)))
    }
  }

  #settleDoubt(tell: (rider: Rider) => void): void {
    for (const rider of this.#doubtful.splice(0)) tell(rider)
  }

  /** Repeats the attempt until it is decided or time is up. */
  async #settled({ rollback }: { rollback: boolean }): Promise<unknown> {
    const backoff = new Backoff(this.#cluster.clock, this.#env.random)
    // Only the first attempt can know without asking that none before it has committed.
    let ahead = this.#env.context.fresh === true && !this.inDoubt
    for (let refreshes = 0; ; ) {
      // An abandoned request ends here, unless its outcome is unknown: then the answer is worth having.
      if (!this.inDoubt) this.#options.signal?.throwIfAborted()
      try {
        return await this.#attempt({ rollback, ahead })
      } catch (error) {
        ahead = false
        if (!(error instanceof RunAgain)) throw this.#final(error as Error)
        if (this.#deadline.passed) throw this.#timedOut(error)
        if (error.kind === 'stale') {
          if (++refreshes > REFRESHES_MAX) throw this.#timedOut(error)
          await this.#env.refresh().catch(() => {}) // not reachable: the next attempt will say so
        }
        await backoff.pause(this.#deadline)
      }
    }
  }

  /** A resolving run that could not even claim its marker says nothing of the run before it, whatever it met. */
  #final(error: Error): Error {
    if (!this.inDoubt) return withinRequest(error, this.#env.context, 1) as Error
    if (error instanceof ReplayDiverged) return error
    return new DataUnavailable(this.#cluster.name, 'outcome unknown', error.cause ?? error)
  }

  #timedOut({ kind, cause }: RunAgain): Error {
    if (kind === 'stale' && !this.inDoubt) return new StaleRouter(this.#target, cause)
    // Whose server had gone silent has not been slow. Whose session ends with its time has been ended for that, here or there.
    const isServed = kind !== 'connection' || this.#wasServed
    if (this.#workedMs > this.#deadline.ms / 2 && isServed && !this.inDoubt)
      return new DeadlineExceeded(`The write ${this.#marker.name}`, this.#deadline.ms, cause)
    return new DataUnavailable(this.#cluster.name, this.#outcome, cause)
  }

  get #outcome(): Outcome {
    if (this.inDoubt) return 'outcome unknown'
    return outcomeOf(this.#env.context, 1)
  }

  async #attempt(how: How): Promise<unknown> {
    const { cluster, epoch } = this.#target.route()
    this.#cluster = cluster
    // What its work reads, and decides by, is nothing older than the session has been shown.
    await settled({ cluster, context: this.#env.context, random: this.#env.random }, this.#deadline, {
      own: true,
    })
    const node = await cluster.primary(this.#deadline.leftMs).catch(runAgain)
    this.#node = node
    const connection = await node.writers.acquire(this.#deadline.leftMs).catch((error) => {
      cluster.failed(node, error)
      return runAgain(error)
    })
    // A silent peer must not hold the write longer than its deadline: the cut makes the statement fail.
    const cut = cluster.clock.timer(Math.max(1, this.#deadline.leftMs), () =>
      connection.destroy(new Error('No answer within the deadline')),
    )
    const { timing, keyed, jobId } = this.#env.context
    const talk = converse(connection, cluster.statements, {
      marker: this.#marker,
      placement: this.#target.placement,
      epoch,
      isolation: this.#options.isolation,
      timeoutMs: this.#deadline.ms,
      keyed,
      jobId,
    })
    try {
      return await this.#transact(talk, connection, how)
    } finally {
      timing.dbMs += talk.dbMs
      cut.cancel()
      node.writers.release(connection)
    }
  }

  async #transact(talk: Conversation, connection: Connection, how: How): Promise<unknown> {
    if (!how.ahead) {
      const { first, failure } = await talk.begin()
      if (failure) throw await this.#undone(talk, connection, failure)
      if (!first) return this.#replay(talk, connection)
    }
    this.inDoubt = false // the claim would have waited for, and met, an earlier run that could still commit
    this.#settleDoubt((rider) => rider.rolledBack())
    const tx = new Transaction<Tables>(
      this.#marker.id,
      this.#cluster.name,
      talk.session,
      this.#cluster.statements,
    )
    let json: string | undefined
    try {
      json = encode(this.#marker.name, await this.#runWork(tx, talk, connection))
    } catch (error) {
      tx.end() // what work left running would send its statements after the ROLLBACK, on their own
      const begun = talk.waits ? undefined : await talk.begun
      if (begun && !begun.first) throw await this.#notBegun(talk, connection, begun)
      // A failure of the session or of concurrency control decides, whatever `work` made of it.
      const failure = connection.lost ?? tx.failure
      const undone = failure ? await this.#undone(talk, connection, failure) : await this.#rollBack(talk)
      throw undone instanceof RunAgain ? undone : error
    } finally {
      tx.end()
    }
    const begun = await talk.begin()
    if (!begun.first) throw await this.#notBegun(talk, connection, begun)
    if (tx.failure) {
      const undone = await this.#undone(talk, connection, tx.failure)
      throw undone instanceof RunAgain ? undone : new TransactionAborted(this.#marker.name)
    }
    if (how.rollback) return this.#rollBack(talk)
    // In the turn in which they are sent: they may name what lasts for as long as that is known (`Rider`).
    let riding: readonly SystemStatement[]
    try {
      riding = tx.riders.flatMap((rider) => rider.statements())
    } catch (error) {
      await this.#rollBack(talk)
      throw error
    }
    await this.#commit(talk, connection, json, riding, tx.riders)
    return json === undefined ? undefined : JSON.parse(json)
  }

  /** Rejects as soon as the session is lost, or was refused: `work` may be waiting for something else. */
  async #runWork(tx: Transaction<Tables>, talk: Conversation, connection: Connection): Promise<R> {
    const scope: WriteScope = { markerId: this.#marker.id, name: this.#marker.name, idsDrawn: 0 }
    const startedAt = this.#cluster.clock.monotonic()
    let forget = () => {}
    const lost = new Promise<never>((_resolve, reject) => {
      forget = connection.onLost(reject)
      void talk.begun.then(({ first, failure }) => first || reject(failure))
    })
    try {
      return await Promise.race([
        this.#env.storage.run(withinWrite(this.#env.context, scope), () => this.#work(tx)),
        lost,
      ])
    } finally {
      forget()
      this.#workedMs += this.#cluster.clock.monotonic() - startedAt
    }
  }

  /** What went ahead without waiting for the marker was not let in, and is taken back. */
  async #notBegun(talk: Conversation, connection: Connection, { failure }: Begun): Promise<Error> {
    this.#workedMs = 0
    if (failure) return this.#undone(talk, connection, failure)
    await this.#rollBack(talk)
    return new RunAgain('serialization', new Error('A run of this write has committed before'))
  }

  /** The write has committed before: its stored result, once a synchronous commit has proven it durable. */
  async #replay(talk: Conversation, connection: Connection): Promise<unknown> {
    const hook = this.#env.replayHook
    const { row, rows, committed, position, failure } = await talk.resolve(hook?.sql)
    if (!committed || !row || !position)
      throw await this.#undone(
        talk,
        connection,
        failure ?? new Error('The marker could not be read'),
        'connection',
      )
    if (row.name !== this.#marker.name || row.key !== this.#marker.key)
      throw new ReplayDiverged(this.#marker, row)
    this.inDoubt = false
    this.#settleDoubt((rider) => rider.committed(position))
    if (rows.length > 0) hook?.replayed(this.#cluster.name, this.#marker.id, rows, position)
    this.#reached(position)
    return row.result === null ? undefined : JSON.parse(row.result)
  }

  /** Later reads of this request, and of the session behind it, must see the commit. */
  #reached(position: Position): void {
    const { wrote, seen } = this.#env.context
    wrote?.set(this.#cluster.name, position)
    seen?.wrote(this.#cluster.name, position)
  }

  async #commit(
    talk: Conversation,
    connection: Connection,
    json: string | undefined,
    riding: readonly SystemStatement[],
    riders: readonly Rider[],
  ): Promise<void> {
    this.inDoubt = true
    this.#doubtful = [...riders]
    for (const rider of riders) rider.sending()
    const { committed, position, failure } = await talk.commit(json, riding)
    if (committed && position) {
      this.inDoubt = false
      this.#settleDoubt((rider) => rider.committed(position))
      this.#reached(position)
      return
    }
    // Nobody could hold later reads to it. The marker will tell, and then where it is.
    if (committed) connection.destroy(failure ?? new Error('COMMIT was answered without its position'))
    const undone = await this.#undone(talk, connection, failure ?? new TransactionAborted(this.#marker.name))
    // The server itself said no: decided. Only a lost session leaves doubt.
    this.inDoubt = connection.lost !== undefined
    if (!this.inDoubt) this.#settleDoubt((rider) => rider.rolledBack())
    throw undone
  }

  /** Nothing is written, but what `work` has read, or been refused for, the session may be shown by its caller. */
  async #rollBack(talk: Conversation): Promise<undefined> {
    const position = await talk.rollback()
    const place = { cluster: this.#cluster, context: this.#env.context }
    if (isTraced(place)) shownByPrimary(place, position)
  }

  /** Leaves the session clean or cut, and tells whether the write is to run again. */
  async #undone(
    talk: Conversation,
    connection: Connection,
    failure: Error,
    kind = failureOn(connection, failure),
  ): Promise<Error> {
    if (kind === 'connection') {
      connection.destroy(failure)
      this.#wasServed = this.#cluster.primaryNow === this.#node
      if (this.#node) this.#cluster.failed(this.#node, failure)
    } else await this.#rollBack(talk)
    return kind === 'statement' ? publicFailure(failure) : new RunAgain(kind, failure)
  }
}

/** What the platform itself says is final; anything else is worth another attempt. */
function runAgain(error: unknown): never {
  throw isTenfoldError(error) ? error : new RunAgain('connection', error)
}

function encode(name: string, result: unknown): string | undefined {
  let json: string | undefined
  try {
    json = JSON.stringify(result)
  } catch (error) {
    throw new ResultNotJson(name, error)
  }
  if (json !== undefined && json.length > RESULT_LENGTH_MAX)
    throw new ResultTooLarge(name, json.length, RESULT_LENGTH_MAX)
  return json
}
