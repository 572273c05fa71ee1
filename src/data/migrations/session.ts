import pg from 'pg'
import type { Clock } from '../../core/clock.ts'
import type { ConnectionOptions } from '../client/types.ts'
import type { Blocker } from './errors.ts'

const CONNECT_MS_MAX = 10_000

/** The connection that migrates, and a second one, opened when needed, that looks at it from outside. */
export class MigrationSession {
  readonly client: pg.Client
  readonly #connection: ConnectionOptions
  #observer: Promise<pg.Client> | undefined

  private constructor(connection: ConnectionOptions, client: pg.Client) {
    this.#connection = connection
    this.client = client
  }

  static async open(connection: ConnectionOptions): Promise<MigrationSession> {
    return new MigrationSession(connection, await connect(connection))
  }

  /** The sessions that our statement waits for. */
  async blockers(): Promise<Blocker[]> {
    const observer = await this.#observe()
    const { rows } = await observer.query<Blocker>(
      `select pid, coalesce(state, backend_type) as state, application_name as application, query
         from pg_stat_activity where pid = any(pg_blocking_pids($1))`,
      [this.#pid],
    )
    return rows
  }

  /** Ends the statement that runs now; it fails with 57014. */
  async cancel(): Promise<void> {
    const observer = await this.#observe()
    await observer.query('select pg_cancel_backend($1)', [this.#pid])
  }

  async close(): Promise<void> {
    const observer = await this.#observer?.catch(() => undefined)
    await Promise.all([this.client.end(), observer?.end()])
  }

  get #pid(): number {
    return (this.client as unknown as { processID: number }).processID
  }

  #observe(): Promise<pg.Client> {
    this.#observer ??= connect(this.#connection)
    return this.#observer
  }
}

async function connect(connection: ConnectionOptions): Promise<pg.Client> {
  const client = new pg.Client({
    ...connection,
    connectionTimeoutMillis: CONNECT_MS_MAX,
    application_name: 'tenfold migrate',
  })
  // A lost connection fails the running query; without a listener the event would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => {})
    throw error
  }
  return client
}

/**
 * Runs `work`, and meanwhile calls `look` after `firstMs`, then every `everyMs`, one call at a time.
 * When `work` has ended, `look` has too.
 */
export async function observed<R>(
  clock: Clock,
  times: { readonly firstMs: number; readonly everyMs: number },
  look: () => Promise<void>,
  work: () => Promise<R>,
): Promise<R> {
  let ended = false
  let looking: Promise<void> = Promise.resolve()
  const tick = (): void => {
    looking = look()
      .catch(() => {}) // it only tells; what it cannot see must not fail the work
      .then(() => {
        if (!ended) timer = clock.timer(times.everyMs, tick)
      })
  }
  let timer = clock.timer(times.firstMs, tick)
  try {
    return await work()
  } finally {
    ended = true
    timer.cancel()
    await looking
  }
}
