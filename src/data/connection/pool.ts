import type { Clock, Timer } from '../../core/clock.ts'
import type { ConnectionOptions } from '../client/types.ts'
import { Connection, type SessionSettings } from './connection.ts'

/** An idle session beyond {@link PoolOptions.idleMin} is closed after this long, in milliseconds: each holds memory in PostgreSQL. */
const IDLE_MS = 5_000

export interface PoolOptions {
  readonly connection: ConnectionOptions
  readonly settings: SessionSettings
  readonly guarded?: readonly string[]
  /** Sessions open at once, at most. */
  readonly max: number
  /** Idle sessions that stay open, so that the next request finds a warm one. @defaultValue 1 */
  readonly idleMin?: number
  readonly clock: Clock
}

interface Waiter {
  readonly waitMs: number
  resolve(connection: Connection): void
  reject(error: unknown): void
}

/** Sessions for exclusive use. The most recently used idle one comes first; waiters are served in order. */
export class Pool {
  readonly #options: PoolOptions
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()
  readonly #waiters: Waiter[] = []
  #opening = 0
  #closed = false
  #reaper: Timer | undefined
  #drained: (() => void) | undefined

  constructor(options: PoolOptions) {
    this.#options = options
  }

  /** Sessions in use or being opened. */
  get busy(): number {
    return this.#all.size - this.#idle.length + this.#opening
  }

  get waiting(): number {
    return this.#waiters.length
  }

  /**
   * @param waitMs how long to wait for a free session or a new connection, in milliseconds
   * @throws what connecting throws, or an error when the wait was too long
   */
  acquire(waitMs: number): Promise<Connection> {
    if (this.#closed) return Promise.reject(new Error('The data client is stopped'))
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (!idle.lost) return Promise.resolve(idle)
    }
    if (this.#all.size + this.#opening < this.#options.max) return this.#open(waitMs)
    return new Promise((resolve, reject) => {
      const timer = this.#options.clock.timer(Math.max(waitMs, 0), () => {
        this.#waiters.splice(this.#waiters.indexOf(waiter), 1)
        reject(new Error(`All ${this.#options.max} sessions were busy for ${Math.round(waitMs)} ms`))
      })
      const waiter: Waiter = {
        waitMs,
        resolve: (connection) => {
          timer.cancel()
          resolve(connection)
        },
        reject: (error) => {
          timer.cancel()
          reject(error)
        },
      }
      this.#waiters.push(waiter)
    })
  }

  /** Gives a session back; one that is lost is forgotten. */
  release(connection: Connection): void {
    connection.usedAt = this.#options.clock.monotonic()
    if (this.#closed || connection.lost) {
      if (!connection.lost) void connection.close()
      this.#serveNext()
      this.#checkDrained()
      return
    }
    const waiter = this.#waiters.shift()
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
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new Error('The data client is stopped'))
    const closing = this.#idle.splice(0).map((connection) => connection.close())
    if (this.#all.size > closing.length)
      await new Promise<void>((resolve) => {
        this.#drained = resolve
        this.#checkDrained()
      })
    await Promise.all([...closing, ...[...this.#all].map((connection) => connection.close())])
  }

  /** Cuts every session, also those in use. */
  destroyAll(reason: Error): void {
    for (const connection of [...this.#all]) connection.destroy(reason)
  }

  async #open(waitMs: number): Promise<Connection> {
    this.#opening++
    try {
      const connection = await Connection.open(
        this.#options.connection,
        this.#options.settings,
        this.#options.guarded,
        waitMs,
      )
      if (this.#closed) {
        await connection.close()
        throw new Error('The data client is stopped')
      }
      this.#all.add(connection)
      connection.onLost(() => this.#forget(connection))
      return connection
    } catch (error) {
      // Whoever waits for a free session meets the same closed door: let each try for itself.
      const waiter = this.#waiters.shift()
      waiter?.reject(error)
      throw error
    } finally {
      this.#opening--
    }
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#idle.indexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#serveNext()
    this.#checkDrained()
  }

  /** A place became free: opens a session for the first waiter. */
  #serveNext(): void {
    if (this.#closed || this.#all.size + this.#opening >= this.#options.max) return
    const waiter = this.#waiters.shift()
    if (waiter) this.#open(waiter.waitMs).then(waiter.resolve, waiter.reject)
  }

  #checkDrained(): void {
    if (this.#closed && this.#drained && this.#all.size === 0) this.#drained()
  }

  #reap(): void {
    const { clock, idleMin = 1 } = this.#options
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
