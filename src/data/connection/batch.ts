import type { Submittable, Connection as WireConnection } from 'pg'
import { prepareValue } from 'pg/lib/utils.js'
import { serialize } from 'pg-protocol'
import { ParameterInvalid, RowUnreadable } from '../errors.ts'
import { decodeRow, type RowShape, shapeOf } from './decode.ts'
import type { Statement } from './statements.ts'

/** What a statement gave. */
export interface StatementResult {
  rows: Record<string, unknown>[]
  /** PostgreSQL's command tag, e.g. `INSERT 0 1`, `COMMIT`, `ROLLBACK`. */
  tag: string
  /** A row came that could not be decoded. */
  unreadable?: RowUnreadable
}

/** Parameters of a statement, at most: the protocol counts them with 16 bits. */
const PARAMETERS_MAX = 65_535
/** Bytes of a message, at most: PostgreSQL cuts the connection at a longer one, without a word. */
const MESSAGE_BYTES_MAX = 2 ** 30 - 2

/** One statement with its parameters, to be sent in a {@link Batch}. */
export interface BatchItem {
  readonly statement: Statement
  readonly params: readonly unknown[]
}

/** What a connection knows of the statements it has prepared. */
export interface Prepared {
  shape: RowShape | null
  /** The server may or may not have it: an error came before it was confirmed. */
  doubtful: boolean
  /** Bind and Execute of a statement without parameters, as bytes. */
  bare?: Buffer
}

/**
 * Several statements in one round trip: Parse/Bind/Execute for each and a single Sync. After an error the
 * server skips the rest; `results` then holds what completed before it.
 *
 * Sent through `pg`'s Submittable seam, so that connecting, authentication and TLS stay the library's.
 */
export class Batch implements Submittable {
  readonly results: StatementResult[] = []
  failure: Error | undefined
  readonly #items: readonly BatchItem[]
  readonly #prepared: Map<string, Prepared>
  readonly #onEnd: (batch: Batch) => void
  #current: StatementResult = { rows: [], tag: '' }
  #shape: RowShape | null = null
  /** Why an item, and with it all that follow, was not sent. */
  #unsent: ParameterInvalid | undefined
  #ended = false

  constructor(items: readonly BatchItem[], prepared: Map<string, Prepared>, onEnd: (batch: Batch) => void) {
    this.#items = items
    this.#prepared = prepared
    this.#onEnd = onEnd
  }

  /**
   * Called by `pg` when the connection is free. Throws nothing. An item that cannot be encoded is like one that
   * PostgreSQL refuses: what comes before it runs, what follows is skipped.
   */
  submit(wire: WireConnection): Error | undefined {
    const parts: Buffer[] = []
    try {
      for (const item of this.#items) this.#encode(item, parts)
    } catch (error) {
      this.#unsent = new ParameterInvalid(error as Error)
      if (parts.length === 0) return this.#unsent
    }
    parts.push(serialize.sync())
    wire.stream.write(parts.length === 1 ? parts[0] : Buffer.concat(parts))
    return undefined
  }

  #encode({ statement, params }: BatchItem, parts: Buffer[]): void {
    const { name, text } = statement
    const known = name === '' ? undefined : this.#prepared.get(name)
    const ready = known !== undefined && !known.doubtful
    // BEGIN, COMMIT and the like are the same bytes every time.
    if (ready && params.length === 0) {
      known.bare ??= Buffer.concat([serialize.bind({ statement: name }), serialize.execute({})])
      parts.push(known.bare)
      return
    }
    if (params.length > PARAMETERS_MAX)
      throw new RangeError(`${params.length} parameters are more than ${PARAMETERS_MAX}`)
    const bind = serialize.bind({ statement: name, values: params as unknown[], valueMapper: prepareValue })
    if (bind.length > MESSAGE_BYTES_MAX) throw new RangeError(`${bind.length} bytes are more than 1 GiB`)
    if (!ready) {
      if (known?.doubtful) parts.push(serialize.close({ type: 'S', name }))
      parts.push(serialize.parse({ name, text, types: [] }), serialize.describe({ type: 'S', name }))
      if (name !== '') this.#prepared.set(name, { shape: null, doubtful: true })
    }
    parts.push(bind, serialize.execute({}))
  }

  handleRowDescription(message: { fields: { name: string; dataTypeID: number }[] }): void {
    this.#shape = shapeOf(message.fields)
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    const shape = this.#shape ?? this.#preparedHere()?.shape
    if (!shape) return
    try {
      this.#current.rows.push(decodeRow(shape, message.fields))
    } catch (error) {
      // Thrown from here it would end the process: a type parser may be the application's own.
      this.#current.unreadable ??= new RowUnreadable(error as Error)
    }
  }

  handleCommandComplete(message: { text: string }): void {
    this.#current.tag = message.text
    const prepared = this.#preparedHere()
    if (prepared?.doubtful) {
      prepared.doubtful = false
      prepared.shape = this.#shape
    }
    this.results.push(this.#current)
    this.#current = { rows: [], tag: '' }
    this.#shape = null
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' })
  }

  handleError(error: Error): void {
    this.failure ??= error
    const prepared = this.#preparedHere()
    if (prepared) prepared.doubtful = true
    this.#end()
  }

  handleReadyForQuery(): void {
    this.#end()
  }

  #preparedHere(): Prepared | undefined {
    const item = this.#items[this.results.length]
    return item && this.#prepared.get(item.statement.name)
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    this.failure ??= this.#unsent ?? this.results.find(({ unreadable }) => unreadable)?.unreadable
    this.#onEnd(this)
  }
}
