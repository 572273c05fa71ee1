import type { Socket } from 'node:net'
import type { Channel, ChannelEvents } from './channel.ts'
import { FrameReader, frame } from './frames.ts'

/** How messages of one direction look on a socket. */
export interface SocketCodec<In, Out> {
  /** The same object may be sent to many: it is made into bytes once. */
  readonly encode: (message: Out) => string
  /** Throws when it is malformed. */
  readonly decode: (text: string) => In
  /** Of a frame that comes in. */
  readonly bytesMax: number
}

/** Bytes of messages that went to several channels, as long as somebody has the message. */
export type SharedFrames<Out extends object> = WeakMap<Out, Buffer>

/** A channel over a socket that is, or is about to be, connected. */
export class SocketChannel<In, Out extends object> implements Channel<Out> {
  readonly #socket: Socket
  readonly #codec: SocketCodec<In, Out>
  readonly #events: ChannelEvents<In>
  readonly #shared: SharedFrames<Out>
  readonly #reader: FrameReader
  #closed = false
  #corked = false

  constructor(
    socket: Socket,
    codec: SocketCodec<In, Out>,
    events: ChannelEvents<In>,
    shared: SharedFrames<Out> = new WeakMap(),
  ) {
    this.#socket = socket
    this.#codec = codec
    this.#events = events
    this.#shared = shared
    this.#reader = new FrameReader(codec.bytesMax)
    socket.setNoDelay(true)
    socket.on('data', (piece) => this.#read(piece as Buffer))
    socket.on('error', (error) => this.close(error.message))
    socket.on('end', () => this.close('the other side has closed it'))
    socket.on('close', () => this.close('it is closed'))
  }

  get backlogBytes(): number {
    return this.#socket.writableLength
  }

  send(message: Out): void {
    if (this.#closed) return
    if (!this.#corked) {
      // What one turn of the event loop says leaves in one piece.
      this.#corked = true
      this.#socket.cork()
      process.nextTick(() => {
        this.#corked = false
        this.#socket.uncork()
      })
    }
    this.#socket.write(this.#bytesOf(message))
  }

  close(reason: string): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
    this.#events.closed(reason)
  }

  #bytesOf(message: Out): Buffer {
    const known = this.#shared.get(message)
    if (known) return known
    const bytes = frame(this.#codec.encode(message))
    this.#shared.set(message, bytes)
    return bytes
  }

  #read(piece: Buffer): void {
    try {
      for (const text of this.#reader.read(piece)) {
        if (this.#closed) return
        this.#events.message(this.#codec.decode(text))
      }
    } catch (error) {
      // Whatever came: it ends this connection and nothing else.
      this.close((error as Error).message)
    }
  }
}
