import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock, Timer } from '../core/clock.ts'

/** Longer than the 60 s of the usual load balancer, so that it is never us who closes under its request. */
export const KEEP_ALIVE_MS = 65_000
/** Without a byte in either direction; a stream of events sends a comment more often. */
export const SILENCE_MS_MAX = 120_000
/** How often connections are looked at: so exact are the two. */
const LOOK_MS = 5_000

interface Watched {
  /** Both ways, when it was last looked at. */
  bytes: number
  /** Monotonic milliseconds when that number was new. */
  since: number
  /** The answer to its last request. */
  last: ServerResponse | undefined
}

const WATCHED = Symbol('watched')
type WatchedSocket = Socket & { [WATCHED]?: Watched }

/**
 * Ends connections that have been silent for too long. Node.js can do so itself, but with two timers made anew for each
 * request, which take more time than everything the platform adds to it; here one looks at all of them every 5 s.
 */
export class Connections {
  readonly #all = new Set<WatchedSocket>()
  readonly #clock: Clock
  #timer: Timer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  readonly add = (socket: WatchedSocket): void => {
    socket[WATCHED] = { bytes: 0, since: this.#clock.monotonic(), last: undefined }
    this.#all.add(socket)
    socket.once('close', () => this.#all.delete(socket))
    if (!this.#timer) this.#arm()
  }

  /** A request has come. */
  asked({ socket }: IncomingMessage, res: ServerResponse): void {
    const watched = (socket as WatchedSocket)[WATCHED]
    if (watched)
      watched.last = res
      // Node tells the client in `Keep-Alive` what is here, but would set a timer if it were the server's.
    ;(res as unknown as { _keepAliveTimeout: number })._keepAliveTimeout = KEEP_ALIVE_MS
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #arm(): void {
    this.#timer = this.#clock.timer(LOOK_MS, () => {
      this.#timer = undefined
      const now = this.#clock.monotonic()
      for (const socket of this.#all) this.#look(socket, socket[WATCHED]!, now)
      if (this.#all.size > 0) this.#arm()
    })
  }

  #look(socket: Socket, watched: Watched, now: number): void {
    if (watched.last?.closed) watched.last = undefined
    const bytes = socket.bytesRead + socket.bytesWritten
    if (bytes !== watched.bytes) {
      watched.bytes = bytes
      watched.since = now
      return
    }
    const silent = now - watched.since
    if (silent >= SILENCE_MS_MAX || (silent >= KEEP_ALIVE_MS && !watched.last)) socket.destroy()
  }
}
