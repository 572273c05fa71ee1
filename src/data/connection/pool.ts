import type { Clock, Timer } from '../../core/clock.ts'
import type { ConnectionOptions } from '../client/types.ts'
import { Connection } from './connection.ts'
import { SessionsBusy } from './failure.ts'
import { KnownServer, type SessionSettings } from './session-settings.ts'

/** An idle session beyond {@link PoolOptions.idleMin} is closed after this long, in milliseconds: each holds memory in PostgreSQL. */
const IDLE_MS = 5_000
/** Milliseconds that a server has to answer a goodbye; a silent one must not hold up a stop. */
const GOODBYE_MS = 500
/**
 * Sessions opened at once. A new one costs milliseconds of a processor until it knows the catalog: after a failover ten that
 * begin together would keep everybody waiting until the last is done, of two the first soon serves those who wait.
 */
const OPENING_MAX = 2
/** Milliseconds to open a session for whoever waits. */
const OPEN_MS = 5_000
/** Milliseconds before the end of a wait by which an opening has failed: why says more than that nothing came in time. */
const TELL_MS = 20

export interface PoolOptions {
  readonly connection: ConnectionOptions
  readonly settings: SessionSettings
  readonly guarded?: readonly string[]
  /** Sessions open at once, at most. */
  readonly max: number
  /** Idle sessions that stay open, so that the next request finds a warm one. @defaultValue 1 */
  readonly idleMin?: number
  readonly clock: Clock
  /**
   * Looks at each new session before anybody gets it, and at all others after {@link Pool.vetAgain}; one for which it rejects is not
   * used.
   */
  readonly vet?: ((connection: Connection, waitMs: number) => Promise<void>) | undefined
}

interface Waiter {
  resolve(connection: Connection): void
  reject(error: unknown): void
}

/** Sessions for exclusive use. The most recently used idle one comes first; waiters are served in order. */
export class Pool {
  readonly #options: PoolOptions
  readonly #server = new KnownServer()
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()
  /** In the order of their coming. */
  readonly #waiters = new Set<Waiter>()
  #opening = 0
  /** Of those being opened. */
  #openings = new AbortController()
  /** What sessions were vetted for; raised by {@link vetAgain}. */
  #vetting = 0
  #closed = false
  #reaper: Timer | undefined
  #drained: (() => void) | undefined
  #idleMin: number

  constructor(options: PoolOptions) {
    this.#options = options
    this.#idleMin = options.idleMin ?? 1
  }

  /** Sessions in use or being opened. */
  get busy(): number {
    return this.#all.size - this.#idle.length + this.#opening
  }

  get waiting(): number {
    return this.#waiters.size
  }

  /**
   * @param waitMs how long to wait for a free session or a new connection, in milliseconds
   * @throws what connecting throws, or an error when the wait was too long
   */
  acquire(waitMs: number): Promise<Connection> {
    if (this.#closed) return Promise.reject(new Error('The data client is stopped'))
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (!idle.lost) return this.isVetted(idle) ? Promise.resolve(idle) : this.#vetted(idle, waitMs)
    }
    // Whoever comes first gets the next session, be it a new one or one that is given back before that is ready.
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.timer(Math.max(waitMs, 0), () => {
        this.#waiters.delete(waiter)
        reject(this.#busy(waitMs))
      })
      const waiter: Waiter = {
        resolve: (connection) => {
          timer.cancel()
          resolve(connection)
        },
        reject: (error) => {
          timer.cancel()
          reject(error)
        },
      }
      this.#waiters.add(waiter)
      this.#serveNext(Math.max(waitMs - TELL_MS, 1))
    })
  }

  get #mayOpen(): boolean {
    return this.#opening < OPENING_MAX && this.#all.size + this.#opening < this.#options.max
  }

  #busy(waitMs: number): SessionsBusy {
    const what =
      this.#all.size > 0 ? `All ${this.#options.max} sessions were busy` : 'No session could be opened'
    return new SessionsBusy(`${what} for ${Math.max(0, Math.round(waitMs))} ms`)
  }

  /** Every session is looked at once more before it is used further. */
  vetAgain(): void {
    this.#vetting++
  }

  /** Whether a session may still be used as it is. */
  isVetted(connection: Connection): boolean {
    return connection.vettedFor === this.#vetting
  }

  /** Keeps so many sessions from now on, and makes those that are missing: for a server that may be needed at once. */
  warm(count: number): void {
    this.#idleMin = Math.max(this.#idleMin, count)
    if (this.#closed || this.#all.size + this.#opening >= count || !this.#mayOpen) return
    this.#open(OPEN_MS).then(
      (connection) => {
        this.release(connection)
        this.warm(count)
      },
      () => {}, // whoever needs it will hear why
    )
  }

  /** Gives a session back; one that is lost is forgotten. */
  release(connection: Connection): void {
    connection.usedAt = this.#options.clock.monotonic()
    if (this.#closed || connection.lost || connection.handedOut) {
      if (!connection.lost) void this.#close(connection)
      this.#serveNext()
      this.#checkDrained()
      return
    }
    if (this.#waiters.size > 0 && !this.isVetted(connection)) {
      this.#vetted(connection, OPEN_MS).then(
        () => this.release(connection),
        () => {}, // another is opened for who waits
      )
      return
    }
    const waiter = this.#nextWaiter()
    if (waiter) {
      waiter.resolve(connection)
      return
    }
    this.#idle.push(connection)
    this.#reaper ??= this.#options.clock.timer(IDLE_MS, () => this.#reap())
  }

  /** Refuses new work, waits until every session is given back, and closes all. */
  async close(): Promise<void> {
    this.#closed = true
    this.#reaper?.cancel()
    for (let waiter = this.#nextWaiter(); waiter; waiter = this.#nextWaiter())
      waiter.reject(new Error('The data client is stopped'))
    const closing = this.#idle.splice(0).map((connection) => this.#close(connection))
    await new Promise<void>((resolve) => {
      this.#drained = resolve
      this.#checkDrained()
    })
    await Promise.all(closing)
  }

  /** Cuts every session, also those in use. */
  destroyAll(reason: Error): void {
    for (const connection of [...this.#all]) connection.destroy(reason)
  }

  /** As {@link destroyAll}; who waits for a session is told, too, and those being opened are given up. The pool stays open. */
  cut(reason: Error): void {
    const openings = this.#openings
    this.#openings = new AbortController()
    for (let waiter = this.#nextWaiter(); waiter; waiter = this.#nextWaiter()) waiter.reject(reason)
    openings.abort(reason)
    this.destroyAll(reason)
  }

  async #open(waitMs: number): Promise<Connection> {
    const { connection: options, settings, guarded } = this.#options
    this.#opening++
    try {
      const connection = await Connection.open(options, settings, {
        guarded,
        timeoutMs: waitMs,
        server: this.#server,
        signal: this.#openings.signal,
      })
      await this.#vet(connection, waitMs)
      if (this.#closed) {
        await this.#close(connection)
        throw new Error('The data client is stopped')
      }
      // It has told so, and does not again: nobody would ever take it out.
      if (connection.lost) throw connection.lost
      this.#opening--
      this.#all.add(connection)
      connection.onLost(() => this.#forget(connection))
      this.#serveNext()
      return connection
    } catch (error) {
      this.#opening--
      // Whoever waits for a free session meets the same closed door: let each try for itself.
      this.#nextWaiter()?.reject(error)
      this.#serveNext()
      this.#checkDrained()
      throw error
    }
  }

  async #vetted(connection: Connection, waitMs: number): Promise<Connection> {
    await this.#vet(connection, waitMs)
    return connection
  }

  async #vet(connection: Connection, waitMs: number): Promise<void> {
    const { signal } = this.#openings
    const cut = (): void => connection.destroy(signal.reason)
    signal.addEventListener('abort', cut, { once: true })
    try {
      do {
        connection.vettedFor = this.#vetting
        await this.#options.vet?.(connection, waitMs)
        signal.throwIfAborted()
      } while (!this.isVetted(connection))
    } catch (error) {
      connection.destroy(error as Error)
      throw error
    } finally {
      signal.removeEventListener('abort', cut)
    }
  }

  async #close(connection: Connection): Promise<void> {
    const cut = this.#options.clock.timer(GOODBYE_MS, () => connection.destroy())
    await connection.close()
    cut.cancel()
  }

  #nextWaiter(): Waiter | undefined {
    const [waiter] = this.#waiters
    if (waiter) this.#waiters.delete(waiter)
    return waiter
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#serveNext()
    this.#checkDrained()
  }

  /** Opens a session, if there is a place for it, for whoever waits by then, which need not be who waits now. */
  #serveNext(waitMs = OPEN_MS): void {
    if (this.#closed || this.#waiters.size === 0 || !this.#mayOpen) return
    this.#open(waitMs).then(
      (connection) => this.release(connection),
      () => {}, // a waiter has been told
    )
  }

  #checkDrained(): void {
    if (this.#closed && this.#all.size + this.#opening === 0) this.#drained?.()
  }

  #reap(): void {
    const { clock } = this.#options
    const idleMin = this.#idleMin
    const before = clock.monotonic() - IDLE_MS
    // The oldest are in front.
    while (this.#all.size > idleMin && this.#idle[0] && this.#idle[0].usedAt <= before) {
      const oldest = this.#idle.shift() as Connection
      this.#all.delete(oldest)
      void oldest.close()
    }
    const more = this.#all.size > idleMin && !this.#closed
    this.#reaper = more ? clock.timer(IDLE_MS, () => this.#reap()) : undefined
  }
}
