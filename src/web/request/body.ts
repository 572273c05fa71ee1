import type { IncomingMessage } from 'node:http'
import { BadTarget, BodyTooLarge, ClientGone } from '../errors.ts'
import type { Spool, SpoolFile } from './spool.ts'
import type { SpooledBody } from './spooled-body.ts'

/** Bodies up to here wait in memory, larger ones on disk. */
export const MEMORY_BYTES_MAX = 64 * 1024
const EMPTY = new Uint8Array(0)
/** So many pieces at most are kept beside each other: a piece of one byte holds hundreds. */
const PIECES_MAX = 64
/** A body may come in so many pieces, however small they are. */
const PIECES_FREE = 10_000
/** Beyond that, bytes that a piece must have on average: each costs as much work as thousands of bytes. */
const PIECE_BYTES_MIN = 16

/** A whole body: in memory when it is small (or there is no spool), else on disk. */
export type ArrivedBody = Uint8Array<ArrayBuffer> | SpooledBody

/** Whether the request announces a body. */
export function hasBody(incoming: IncomingMessage): boolean {
  const { headers } = incoming
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Whether a body of the announced length may come at all. @throws BodyTooLarge, SpoolFull */
export function admitBody(incoming: IncomingMessage, { bytesMax, spool }: BodyLimits): void {
  const announced = Number(incoming.headers['content-length'] ?? 0)
  if (announced > bytesMax) throw new BodyTooLarge(bytesMax)
  if (announced > MEMORY_BYTES_MAX) spool?.admit(announced)
}

export interface BodyLimits {
  readonly bytesMax: number
  /** Without one, all of the body is kept in memory. */
  readonly spool: Spool | undefined
}

/**
 * Reads a body before the app runs: a client that stalls then holds a socket, a buffer and perhaps a file, never a
 * database connection. The socket is not read on while what it brought is being written.
 */
export class BodyReader {
  readonly arrived: Promise<ArrivedBody>
  readonly #incoming: IncomingMessage
  readonly #limits: BodyLimits
  readonly #hashed: boolean
  #resolve!: (body: ArrivedBody) => void
  #reject!: (reason: Error) => void
  #chunks: Buffer[] = []
  #held = 0
  #received = 0
  #pieces = 0
  #file: SpoolFile | undefined
  /** The last write, which the next one waits for. */
  #writing: Promise<void> | undefined
  #spooled: SpooledBody | undefined
  #settled = false

  /** @param hashed whether the hash of a spooled body will be asked for */
  constructor(incoming: IncomingMessage, limits: BodyLimits, hashed: boolean) {
    this.#incoming = incoming
    this.#limits = limits
    this.#hashed = hashed
    this.arrived = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    incoming
      .on('data', this.#onData)
      .on('end', this.#onEnd)
      .on('error', this.#onError)
      .on('close', this.#onClose)
  }

  /** Bytes so far, for the minimum rate. */
  get received(): number {
    return this.#received
  }

  /** Ends the reading; `arrived` rejects with `reason`, and nothing is left on disk. */
  cancel(reason: Error): void {
    if (!this.#settle()) return
    this.#file?.abandon()
    this.#chunks = []
    this.#reject(reason)
  }

  /** The request is over: whatever there is of the body goes. */
  release(): void {
    this.cancel(new ClientGone())
    this.#spooled?.release()
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#received += chunk.length
    const { bytesMax, spool } = this.#limits
    if (this.#received > bytesMax) {
      this.cancel(new BodyTooLarge(bytesMax))
      return
    }
    if (++this.#pieces > PIECES_FREE && this.#received < this.#pieces * PIECE_BYTES_MIN) {
      this.cancel(new BadTarget('its body comes in too many pieces'))
      return
    }
    if (this.#chunks.length === PIECES_MAX) this.#chunks = [Buffer.concat(this.#chunks)]
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (!spool || this.#held <= MEMORY_BYTES_MAX) return
    this.#incoming.pause()
    this.#writing = this.#write(spool)
    this.#writing.then(
      () => {
        if (!this.#settled) this.#incoming.resume()
      },
      (error: Error) => this.cancel(error),
    )
  }

  async #write(spool: Spool): Promise<void> {
    const chunks = this.#chunks
    this.#chunks = []
    this.#held = 0
    await this.#writing
    if (this.#settled) return
    this.#file ??= spool.file(this.#hashed)
    await this.#file.append(chunks)
  }

  /** May come although the stream was paused: with the last piece, when nothing waits behind it. */
  readonly #onEnd = (): void => {
    if (!this.#writing) {
      if (this.#settle()) this.#resolve(joined(this.#chunks))
      return
    }
    this.#write(this.#limits.spool!).then(
      () => {
        if (!this.#settle()) return
        this.#spooled = this.#file!.finish()
        if (this.#spooled.size === this.#received) this.#resolve(this.#spooled)
        else
          this.#reject(new Error(`Of a body of ${this.#received} bytes ${this.#spooled.size} were written`))
      },
      (error: Error) => this.cancel(error),
    )
  }

  /** The parser reports a body that breaks the rules of its coding as an error without a live client. */
  readonly #onError = (cause: Error): void => {
    const gone = this.#incoming.socket.destroyed
    this.cancel(gone ? new ClientGone() : new BadTarget('its body is broken', { cause }))
  }

  /** Also emitted after the end, while the last part is being written. */
  readonly #onClose = (): void => {
    if (!this.#incoming.complete) this.cancel(new ClientGone())
  }

  #settle(): boolean {
    if (this.#settled) return false
    this.#settled = true
    this.#incoming
      .off('data', this.#onData)
      .off('end', this.#onEnd)
      .off('error', this.#onError)
      .off('close', this.#onClose)
    return true
  }
}

function joined(chunks: Buffer[]): Uint8Array<ArrayBuffer> {
  if (chunks.length === 0) return EMPTY
  return (chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)) as Uint8Array<ArrayBuffer>
}
