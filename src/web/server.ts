import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createHttps, type Server as SecureServer } from 'node:https'
import { type AddressInfo, Server as NetServer } from 'node:net'
import type { Clock } from '../core/clock.ts'
import { lifecycle, type Service } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import { Connections } from './connections.ts'
import { TlsInvalid } from './errors.ts'
import { healthAnswer, type Readiness } from './health.ts'
import { type ListenAddress, listen } from './listen.ts'
import type { Handler } from './options.ts'

export const HEADERS_MS_MAX = 15_000
/** For head and body together; the minimum rate of the body usually strikes first. */
export const REQUEST_MS_MAX = 300_000
export const HEADER_BYTES_MAX = 16 * 1024
const HEADERS_MAX = 200
const CHECK_MS = 5_000
/** After the drain began, connections that stay idle this long are closed; their clients may be about to ask. */
export const IDLE_GRACE_MS = 250
/** What is still running then is ended with a 503. */
export const DRAIN_MS_MAX = 8_000
/** For connections that never asked anything, and for the last packets of the others. */
const LAST_WORDS_MS = 100

/** A certificate with its chain, and its key, both PEM. */
export interface TlsOptions {
  readonly cert: string | Buffer
  readonly key: string | Buffer
}

export interface WebServerOptions {
  readonly handler: Handler
  readonly address: ListenAddress
  readonly ready: () => Promise<Readiness>
  readonly log: Logger
  readonly clock: Clock
  readonly tls?: TlsOptions | undefined
  /** Milliseconds to go on serving after readiness fails, until the balancer has noticed. @defaultValue 0 */
  readonly drainDelayMs?: number | undefined
  /** @defaultValue {@link DRAIN_MS_MAX} */
  readonly drainMs?: number | undefined
  /** @defaultValue {@link IDLE_GRACE_MS} */
  readonly idleGraceMs?: number | undefined
}

/** One listening web server. `start` rejects with AddressTaken or AddressRefused; `stop` drains. */
export interface WebServer extends Service {
  /** Where it listens; `http://127.0.0.1:3000` or `unix:/path`. Empty before the start. */
  readonly url: string
  readonly port: number
  /** Takes a renewed certificate for new connections. @throws TlsInvalid, and the old one stays */
  renewTls(tls: TlsOptions): void
}

const LIMITS = {
  insecureHTTPParser: false,
  requireHostHeader: true,
  maxHeaderSize: HEADER_BYTES_MAX,
  headersTimeout: HEADERS_MS_MAX,
  requestTimeout: REQUEST_MS_MAX,
  // Connections that are silent are ended by connections.ts.
  keepAliveTimeout: 0,
  connectionsCheckingInterval: CHECK_MS,
  noDelay: true,
  // Requests without a body need none of a stream's life; nobody reads theirs.
  optimizeEmptyRequests: true,
}

function createNodeServer(tls: TlsOptions | undefined): Server | SecureServer {
  try {
    return tls ? createHttps({ ...LIMITS, cert: tls.cert, key: tls.key }) : createHttp(LIMITS)
  } catch (cause) {
    throw new TlsInvalid((cause as Error).message, { cause })
  }
}

/** Makes a server of a handler; health endpoints are answered before it. */
export function createWebServer(options: WebServerOptions): WebServer {
  const { handler, log, clock } = options
  const server = createNodeServer(options.tls)
  server.maxHeadersCount = HEADERS_MAX
  const connections = new Connections(clock)
  server.on(options.tls ? 'secureConnection' : 'connection', connections.add)
  let url = ''

  const onRequest = (req: IncomingMessage, res: ServerResponse, answer = handler.listener): void => {
    connections.asked(req, res)
    if (req.url === '/healthz' || req.url === '/readyz') {
      void healthAnswer(
        req,
        res,
        handler.draining ? async () => ({ ready: false, reason: 'draining' }) : options.ready,
      )
    } else answer(req, res)
  }
  server.on('request', (req, res) => onRequest(req, res))
  // Without this, Node asks for the body before anyone has looked at the head.
  server.on('checkContinue', (req, res) => onRequest(req, res, handler.expecting))

  const start = async (): Promise<void> => {
    url = await listen(server, options.address, options.tls !== undefined)
    log.info({ url }, 'listening')
  }
  const stop = async (): Promise<void> => {
    handler.drain()
    if (!server.listening) {
      handler.stop()
      return
    }
    if (options.drainDelayMs) await clock.sleep(options.drainDelayMs)
    await drain(server, options)
    connections.stop()
  }
  return {
    ...lifecycle(start, stop),
    get url() {
      return url
    },
    get port() {
      const address = server.address() as AddressInfo | string | null
      return typeof address === 'object' && address !== null ? address.port : 0
    },
    renewTls: (tls) => {
      try {
        ;(server as SecureServer).setSecureContext({ cert: tls.cert, key: tls.key })
      } catch (cause) {
        throw new TlsInvalid((cause as Error).message, { cause })
      }
    },
  }
}

const connectionCount = (server: Server | SecureServer): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, count) => resolve(count ?? 0)))

/** No new connections; answers say `Connection: close`; what runs finishes or, at the deadline, is ended. */
async function drain(server: Server | SecureServer, options: WebServerOptions): Promise<void> {
  const { handler, clock } = options
  const closed = new Promise<void>((resolve) => server.once('close', () => resolve()))
  // Not the HTTP server's own close: it ends idle connections at once, also one whose client is just asking.
  NetServer.prototype.close.call(server)
  const expired = new Promise<void>((resolve) => {
    const timer = clock.timer(options.drainMs ?? DRAIN_MS_MAX, resolve)
    void closed.then(() => timer.cancel())
  })
  if ((await connectionCount(server)) > 0) {
    const over = new AbortController()
    const grace = clock.sleep(options.idleGraceMs ?? IDLE_GRACE_MS, { signal: over.signal }).catch(() => {})
    const quiet = grace.then(() => handler.settled())
    await Promise.race([quiet, closed, expired])
    over.abort()
  }
  handler.stop()
  // Ends idle connections and the timer that looks for slow ones.
  server.close(() => {})
  const lastWords = clock.sleep(LAST_WORDS_MS)
  await Promise.race([closed, lastWords])
  server.closeAllConnections()
  await closed
}
