import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http'
import { type Duplex, duplexPair, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

/** What `app.fetch` takes beyond the standard. */
export interface TestRequestInit extends RequestInit {
  /** Sent as JSON; the method becomes POST unless given. */
  readonly json?: unknown
  /** Sent as `Idempotency-Key`. */
  readonly idempotencyKey?: string
  /** Sent as `Authorization: Bearer …`. */
  readonly bearer?: string
}

/** Speaks HTTP with a request listener through memory: Node's parser and writer at both ends, and no port. */
export class InProcessServer {
  readonly #server: Server
  readonly #secure: boolean
  readonly #open = new Set<Duplex>()

  constructor(listener: RequestListener, secure: boolean) {
    this.#server = createServer(listener)
    this.#secure = secure
  }

  /** Sends a request and resolves with the head of the answer. Redirects are not followed. */
  async fetch(url: URL, request: Request): Promise<Response> {
    const [client, socket] = duplexPair()
    this.#accept(client, socket)
    const outgoing = httpRequest({
      createConnection: () => client,
      method: request.method,
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, ...Object.fromEntries(request.headers) },
      signal: request.signal,
    })
    const answered = new Promise<IncomingMessage>((resolve, reject) =>
      outgoing.once('response', resolve).once('error', reject),
    )
    const sent =
      request.body === null ? outgoing.end() : pipeline(Readable.fromWeb(request.body as never), outgoing)
    // An answer may come before the whole body was sent; then its fate does not matter.
    const incoming = await Promise.race([answered, Promise.resolve(sent).then(() => answered)])
    return toResponse(incoming, request.method)
  }

  /** Breaks off what is still under way. */
  close(): void {
    for (const socket of this.#open) socket.destroy()
  }

  #accept(client: Duplex, socket: Duplex): void {
    // What a network socket would tell.
    Object.assign(socket, {
      remoteAddress: '127.0.0.1',
      remoteFamily: 'IPv4',
      remotePort: 1,
      encrypted: this.#secure,
    })
    client.once('close', () => socket.destroy())
    this.#open.add(socket)
    socket.once('close', () => {
      this.#open.delete(socket)
      client.destroy()
    })
    for (const side of [client, socket]) side.on('error', () => {})
    this.#server.emit('connection', socket)
  }
}

const WITHOUT_BODY = new Set([101, 204, 205, 304])

function toResponse(incoming: IncomingMessage, method: string): Response {
  const status = incoming.statusCode ?? 500
  const headers = new Headers()
  for (let at = 0; at < incoming.rawHeaders.length; at += 2)
    headers.append(incoming.rawHeaders[at] as string, incoming.rawHeaders[at + 1] as string)
  const empty = method === 'HEAD' || WITHOUT_BODY.has(status)
  incoming.on('error', () => {}) // whoever reads the body learns of it
  if (empty) incoming.resume()
  const body = empty ? null : (Readable.toWeb(incoming) as ReadableStream<Uint8Array>)
  return new Response(body, { status, statusText: incoming.statusMessage ?? '', headers })
}

/** Resolves a relative URL, and turns our own options into headers. */
export function toRequest(
  base: string,
  input: string | URL | Request,
  init: TestRequestInit = {},
): { url: URL; request: Request } {
  const { json, idempotencyKey, bearer, ...rest } = init
  const url = new URL(input instanceof Request ? input.url : input, base)
  const headers = new Headers(rest.headers ?? (input instanceof Request ? input.headers : undefined))
  if (idempotencyKey !== undefined) headers.set('idempotency-key', idempotencyKey)
  if (bearer !== undefined) headers.set('authorization', `Bearer ${bearer}`)
  if (json !== undefined && !headers.has('content-type')) headers.set('content-type', 'application/json')
  const withJson = json === undefined ? {} : { method: rest.method ?? 'POST', body: JSON.stringify(json) }
  const duplex = rest.body instanceof ReadableStream ? { duplex: 'half' as const } : {}
  const options = { ...rest, ...withJson, ...duplex, headers }
  return { url, request: new Request(input instanceof Request ? input : url, options) }
}
