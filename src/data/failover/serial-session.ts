import type pg from 'pg'
import type { DatabaseAddress } from '../postgres/address.ts'
import { connect, destroy } from '../postgres/database.ts'

/** A session with one server that takes one statement after another. Made when it is needed, and anew after a failure. */
export class SerialSession {
  readonly #address: DatabaseAddress
  #client: pg.Client | undefined
  /** The end of the statement that came last. */
  #last: Promise<void> = Promise.resolve()
  #open = 0
  #closed = false
  /** Rejects when what is under way is given up. */
  #given = givenUp()

  constructor(address: DatabaseAddress) {
    this.#address = address
  }

  /**
   * One statement, sent at once if none is under way. A session that fails is not used again.
   * @param ms for the statement, from when its turn has come
   * @throws when it is not answered in time, is refused, or the session was closed
   */
  async query<Row extends object>(text: string, ms: number, values: readonly unknown[] = []): Promise<Row[]> {
    const before = this.#last
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#last = promise
    try {
      if (this.#open++ > 0) await before
      return await this.#run<Row>(text, ms, values)
    } finally {
      this.#open--
      resolve()
    }
  }

  /** Ends the statement that is under way; the next one has a session of its own. */
  cut(): void {
    const { reject } = this.#given
    this.#given = givenUp()
    reject(new Error('The session was given up'))
    if (this.#client) this.#drop(this.#client)
  }

  close(): void {
    this.#closed = true
    this.cut()
  }

  async #run<Row extends object>(text: string, ms: number, values: readonly unknown[]): Promise<Row[]> {
    const client = this.#client ?? (await this.#connect(ms))
    try {
      const { rows } = await client.query<Row>({
        text,
        values: [...values],
        query_timeout: ms,
      } as pg.QueryConfig)
      return rows
    } catch (error) {
      this.#drop(client)
      throw error
    }
  }

  async #connect(ms: number): Promise<pg.Client> {
    if (this.#closed) throw new Error('The session is closed')
    const connecting = connect(this.#address, ms)
    const client = await Promise.race([connecting, this.#given.promise]).catch((error: unknown) => {
      connecting.then(destroy, () => {})
      throw error
    })
    client.on('error', () => this.#drop(client))
    client.on('end', () => this.#drop(client))
    if (this.#closed) {
      destroy(client)
      throw new Error('The session is closed')
    }
    this.#client = client
    return client
  }

  #drop(client: pg.Client): void {
    if (this.#client === client) this.#client = undefined
    destroy(client)
  }
}

function givenUp(): PromiseWithResolvers<never> {
  const given = Promise.withResolvers<never>()
  given.promise.catch(() => {})
  return given
}
