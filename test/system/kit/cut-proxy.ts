import { once } from 'node:events'
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net'

/** Where a proxy listens or whom it stands before: a Unix socket or a loopback port (0 takes a free one). */
export type Endpoint = { readonly path: string } | { readonly port: number }

/** Who sends the bytes that are counted: `request` is the client's side, `answer` the server's. */
export type Side = 'request' | 'answer'

/** Where a conversation is cut. */
export interface Cut {
  readonly side: Side
  /**
   * So many bytes of that side are still delivered. On the answer's side the server has received all that it
   * answers to; 0 cuts when it begins to answer.
   */
  readonly after: number
  /** `reset` sends RST instead of FIN (TCP only: a Unix socket knows no difference). @defaultValue 'close' */
  readonly how?: 'close' | 'reset'
}

/** Bytes of one connection since its conversation began. */
export interface Conversation {
  readonly request: number
  readonly answer: number
}

/** Whether a conversation begins with this chunk of a client's bytes. The chunk has not been forwarded yet. */
export type Begins = (chunk: Buffer) => boolean

/** A conversation begins with the chunk that contains this text. */
export const saying =
  (text: string): Begins =>
  (chunk) =>
    chunk.includes(text)

/** Waits for a conversation to begin on any connection; then counts it, and cuts it if a cut is planned. */
interface Watch {
  readonly begins: Begins
  readonly cut: Cut | undefined
  readonly bytes: { request: number; answer: number }
  /** Called once the connection is gone. */
  readonly done: () => void
}

/** A pair of sockets: a client's, and ours to the server on its behalf. */
interface Link {
  readonly client: Socket
  readonly server: Socket
  watch: Watch | undefined
  /** After the cut nothing is forwarded any more, also not what had been on its way. */
  severed: boolean
}

/** Stands before a server and cuts, counts or holds what passes. Ordered by bytes, not by time. */
export class CutProxy {
  readonly #server: Server
  readonly #target: Endpoint
  readonly #links = new Set<Link>()
  #watch: Watch | undefined
  #held: Link[] | undefined

  private constructor(server: Server, target: Endpoint) {
    this.#server = server
    this.#target = target
    server.on('connection', (client) => this.#accept(client))
  }

  static async listen(at: Endpoint, target: Endpoint): Promise<CutProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    const proxy = new CutProxy(server, target)
    server.listen('path' in at ? at : { port: at.port, host: '127.0.0.1' })
    await once(server, 'listening')
    return proxy
  }

  /** The TCP port. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Open connections. */
  get connections(): number {
    return this.#links.size
  }

  /**
   * Cuts the next conversation that begins so, once. Resolves when both sides are closed. Armed again, an earlier
   * plan that was not met is forgotten.
   */
  arm(
    cut: Cut,
    begins: Begins = () => true,
  ): { readonly severed: Promise<void>; readonly bytes: Conversation } {
    const { promise: severed, resolve } = Promise.withResolvers<void>()
    const bytes = { request: 0, answer: 0 }
    this.#watch = { begins, cut, bytes, done: resolve }
    return { severed, bytes }
  }

  /** Counts the next conversation that begins so, up to whenever the caller looks. */
  count(begins: Begins = () => true): Conversation {
    const bytes = { request: 0, answer: 0 }
    this.#watch = { begins, cut: undefined, bytes, done: () => {} }
    return bytes
  }

  /** Forgets a plan that was not met. */
  disarm(): void {
    this.#watch = undefined
  }

  /** Lets nothing pass any more, in either direction; connections stay open, new ones wait. */
  pause(): void {
    this.#held ??= []
    for (const link of this.#links) hold(link)
  }

  resume(): void {
    this.#held = undefined
    for (const { client, server } of this.#links) {
      client.resume()
      server.resume()
    }
  }

  /** Cuts every open connection. */
  cutAll(): void {
    for (const link of this.#links) sever(link, 'close')
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cutAll()
    await closed
  }

  #accept(client: Socket): void {
    const server = createConnection(
      'path' in this.#target ? this.#target : { port: this.#target.port, host: '127.0.0.1', noDelay: true },
    )
    const link: Link = { client, server, watch: undefined, severed: false }
    this.#links.add(link)
    client.on('data', (chunk) => this.#request(link, chunk))
    server.on('data', (chunk) => this.#answer(link, chunk))
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      // A reset on one side is passed on as an end: the other side's bytes are not ours to throw away.
      socket.on('error', () => socket.destroy())
      socket.on('end', () => other.end())
      socket.on('close', () => {
        other.end()
        if (!client.destroyed || !server.destroyed) return
        if (this.#links.delete(link)) link.watch?.done()
      })
    }
    if (this.#held) hold(link)
  }

  #request(link: Link, chunk: Buffer): void {
    if (this.#watch?.begins(chunk)) {
      link.watch = this.#watch
      this.#watch = undefined
    }
    forward(link, 'request', chunk)
  }

  #answer(link: Link, chunk: Buffer): void {
    forward(link, 'answer', chunk)
  }
}

function hold({ client, server }: Link): void {
  client.pause()
  server.pause()
}

function forward(link: Link, side: Side, chunk: Buffer): void {
  if (link.severed) return
  const { watch } = link
  const to = side === 'request' ? link.server : link.client
  const before = watch?.bytes[side] ?? 0
  if (watch) watch.bytes[side] = before + chunk.length
  if (!watch?.cut || watch.cut.side !== side || before + chunk.length < watch.cut.after) {
    to.write(chunk)
    return
  }
  const { after, how = 'close' } = watch.cut
  watch.bytes[side] = after
  link.severed = true
  // Closed only when the kernel has the last byte: destroying a socket drops what waits in the process.
  if (after > before) to.write(chunk.subarray(0, after - before), () => sever(link, how))
  else sever(link, how)
}

function sever(link: Link, how: 'close' | 'reset'): void {
  link.severed = true
  for (const socket of [link.client, link.server]) {
    if (how === 'reset' && socket.remoteFamily !== undefined) socket.resetAndDestroy()
    else socket.destroy()
  }
}
