import type { Socket } from 'node:net'
import pg from 'pg'
import type { Position } from '../../core/position.ts'
import type { ConnectionOptions } from '../client/types.ts'
import { Batch, type BatchItem, type Prepared } from './batch.ts'
import { KnownServer, limitsTransactions, type SessionSettings } from './session-settings.ts'

/** Milliseconds for a connection to be made. */
const CONNECT_TIMEOUT_MS = 5000

type WireClient = pg.Client & {
  connection: { stream: Socket; on(event: 'parameterStatus', listener: (m: ParameterStatus) => void): void }
}
export interface OpenOptions {
  /**
   * Settings whose change ends the session at once, e.g. `default_transaction_read_only`: PostgreSQL reports them, so
   * that no later statement can run under a changed one.
   */
  readonly guarded?: readonly string[] | undefined
  /** Milliseconds; more than {@link CONNECT_TIMEOUT_MS} counts as that. */
  readonly timeoutMs?: number | undefined
  /** Whoever opens several sessions of an address keeps it, so that an older server refuses only the first. */
  readonly server?: KnownServer | undefined
  /** Gives up a connection that is being made. */
  readonly signal?: AbortSignal | undefined
}
interface ParameterStatus {
  parameterName: string
  parameterValue: string
}

interface Opening {
  readonly guarded: readonly string[]
  readonly timeoutMs: number
  readonly server: KnownServer
  readonly signal: AbortSignal | undefined
}

/** One session with PostgreSQL that speaks in batches. Not shared: the pool or the lane sees to that. */
export class Connection {
  readonly #client: WireClient
  readonly #prepared = new Map<string, Prepared>()
  readonly #waiting: Batch[] = []
  #running: Batch | undefined
  #lost: Error | undefined
  #syncWaitCancelled = false
  readonly #onLost = new Set<(error: Error) => void>()
  /** Whether {@link raw} was used: whatever was set on it would reach the next user, so the pool closes it. */
  handedOut = false
  /** The server's timeline, once a commit of this session has told it. A promotion ends sessions, or comes before they can write. */
  timeline: number | undefined
  /** Of a session with a replica: what it had replayed when it was last asked; it cannot go back while the session lasts. */
  replayed: Position | undefined
  /** For which vetting of its pool it was found good. */
  vettedFor = -1
  /** Monotonic milliseconds of the last use; the pool closes what idles too long. */
  usedAt = 0
  /** Whether the server itself ends a transaction that takes too long (`transaction_timeout`). */
  readonly limitsTransactions: boolean

  private constructor(client: WireClient, settings: SessionSettings) {
    this.#client = client
    this.limitsTransactions = limitsTransactions(settings)
    client.on('error', (error) => this.#lose(error))
    client.on('end', () => this.#lose(new Error('Connection terminated')))
    client.on('notice', (notice) => {
      // The synchronous wait of a COMMIT was cancelled: the standby may not have it (SQLSTATE 01000).
      if (notice.code === '01000') this.#syncWaitCancelled = true
    })
  }

  /** A server that does not know `transaction_timeout` (before 17) gets the settings that come nearest to it. */
  static async open(
    options: ConnectionOptions,
    settings: SessionSettings,
    { guarded = [], timeoutMs = CONNECT_TIMEOUT_MS, server = new KnownServer(), signal }: OpenOptions = {},
  ): Promise<Connection> {
    const how = { guarded, timeoutMs, server, signal }
    const fitted = server.fit(settings)
    try {
      return await Connection.#connect(options, fitted, how)
    } catch (error) {
      if (!server.refused(error, fitted)) throw error
      return Connection.#connect(options, server.fit(settings), how)
    }
  }

  static async #connect(
    options: ConnectionOptions,
    settings: SessionSettings,
    { guarded, timeoutMs, server, signal }: Opening,
  ): Promise<Connection> {
    signal?.throwIfAborted()
    const client = new pg.Client({
      ...options,
      connectionTimeoutMillis: Math.max(1, Math.min(timeoutMs, CONNECT_TIMEOUT_MS)),
      keepAlive: true,
      application_name: 'tenfold',
      options: Object.entries(settings)
        .map(([name, value]) => `-c ${name}=${value.replaceAll(/([\\ ])/g, '\\$1')}`)
        .join(' '),
    }) as WireClient
    // A failure to connect reaches us by the rejection; one that comes with the greeting only by the event.
    let failure: Error | undefined
    client.on('error', (error) => {
      failure ??= error
    })
    const abort = (): void => void client.connection.stream.destroy()
    signal?.addEventListener('abort', abort, { once: true })
    client.connection.on('parameterStatus', ({ parameterName, parameterValue }) => {
      if (parameterName === 'server_version') server.told(parameterValue)
    })
    try {
      await client.connect()
      if (failure) throw failure
      signal?.throwIfAborted()
    } catch (error) {
      // Not every failure closes the socket, and the server would keep a place for it.
      client.connection.stream.destroy()
      signal?.throwIfAborted()
      throw error
    } finally {
      signal?.removeEventListener('abort', abort)
    }
    const connection = new Connection(client, settings)
    if (guarded.length > 0) {
      client.connection.on('parameterStatus', ({ parameterName }) => {
        if (guarded.includes(parameterName))
          connection.destroy(new Error(`${parameterName} was changed in a shared session`))
      })
    }
    return connection
  }

  /** Why the session is unusable, or undefined while it is usable. */
  get lost(): Error | undefined {
    return this.#lost
  }

  /** Calls `listener` once when the session is lost. @returns what takes the listener away */
  onLost(listener: (error: Error) => void): () => void {
    this.#onLost.add(listener)
    return () => this.#onLost.delete(listener)
  }

  /** Whether a commit since the last call came back with its synchronous wait cancelled; resets. */
  takeSyncWaitCancelled(): boolean {
    const cancelled = this.#syncWaitCancelled
    this.#syncWaitCancelled = false
    return cancelled
  }

  /** One round trip. Never rejects: `failure` is set when a statement or the connection failed. */
  run(items: readonly BatchItem[]): Promise<Batch> {
    return new Promise((resolve) => {
      const batch = new Batch(items, this.#prepared, (ended) => {
        this.#running = this.#waiting.shift()
        if (this.#running) this.#send(this.#running)
        resolve(ended)
      })
      // `pg` has a queue of its own, but speaks against using it.
      if (this.#running) this.#waiting.push(batch)
      else this.#send(batch)
    })
  }

  #send(batch: Batch): void {
    this.#running = batch
    if (this.#lost) batch.handleError(this.#lost)
    else this.#client.query(batch)
  }

  /** The library's own client, for COPY and streams; the caller must own the session. */
  get raw(): pg.Client {
    this.handedOut = true
    return this.#client
  }

  /** Cuts the connection at once; statements in flight fail. */
  destroy(reason: Error = new Error('Connection was destroyed')): void {
    this.#lose(reason)
    this.#client.connection.stream.destroy()
  }

  /** Says goodbye and waits until the socket is closed. */
  async close(): Promise<void> {
    const stream = this.#client.connection.stream
    if (this.#lost || stream.destroyed) return this.destroy()
    await this.#client.end().catch(() => stream.destroy())
  }

  #lose(error: Error): void {
    if (this.#lost) return
    this.#lost = error
    for (const listener of this.#onLost) listener(error)
    this.#onLost.clear()
  }
}
