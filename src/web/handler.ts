import type { IncomingMessage, ServerResponse } from 'node:http'
import { isUuid, uuidv7 } from '../core/uuid.ts'
import { AccessRecord } from './answer/access.ts'
import { renderProblem } from './answer/problem.ts'
import { DEFAULT_CONTENT_SECURITY_POLICY } from './answer/security.ts'
import { platformLines, send, sendPlain } from './answer/send.ts'
import type { Sending } from './answer/sending.ts'
import { ClientGone, ServerStopping } from './errors.ts'
import { Exchange } from './exchange.ts'
import { installFetchClasses } from './fetch/install.ts'
import { lightRequest } from './fetch/request.ts'
import { InFlight } from './in-flight.ts'
import { bodyLimit, type Handler, type HandlerOptions } from './options.ts'
import { peerReader } from './request/address.ts'
import { type ArrivedBody, admitBody, BodyReader, hasBody } from './request/body.ts'
import { isForm } from './request/form-key.ts'
import { parseIdempotencyKey, reserve } from './request/idempotency.ts'
import { keyOf, reservationFor } from './request/keyed.ts'
import { isUnsafe, refuseCrossSite } from './request/origin.ts'
import { readTarget } from './request/target.ts'

/** What the log says when the client left before its answer; never sent. */
const GONE_STATUS = 499
/** Milliseconds for which an unwanted body is still read, so that its sender gets to see the answer. */
const LINGER_MS = 1_000
const NO_BODY = new Uint8Array()

/** Whether a body is on its way that nobody has read to its end. */
const unread = ({ req }: Exchange): boolean => isUnsafe(req.method) && hasBody(req) && !req.complete

/** The request path: reads, checks, runs the app in the request's context, answers, and records. */
class RequestPath implements Handler {
  readonly #options: HandlerOptions
  readonly #nextId: () => string
  readonly #peer: ReturnType<typeof peerReader>
  readonly #trustedOrigins: ReadonlySet<string>
  readonly #access: AccessRecord
  readonly #inFlight: InFlight
  readonly #bodyBytesMax: (method: string, path: string) => number
  readonly #policy: string | false
  #draining = false

  constructor(options: HandlerOptions) {
    installFetchClasses()
    this.#options = options
    this.#nextId = uuidv7(options.clock, options.random)
    this.#peer = peerReader(options.trustedProxies ?? [])
    this.#trustedOrigins = new Set(options.trustedOrigins)
    this.#access = new AccessRecord(options.log, options.metrics, options.accessLog ?? true)
    this.#bodyBytesMax = bodyLimit(options.bodyBytesMax)
    this.#policy = options.contentSecurityPolicy ?? DEFAULT_CONTENT_SECURITY_POLICY
    this.#inFlight = new InFlight(options, (exchange, error) => this.#fail(exchange, error))
  }

  answered = 0

  get inFlight(): number {
    return this.#inFlight.size
  }
  get draining(): boolean {
    return this.#draining
  }
  drain(): void {
    this.#draining = true
  }
  settled(): Promise<void> {
    return this.#inFlight.settled()
  }
  stop(): void {
    this.#draining = true
    this.#inFlight.stop(new ServerStopping())
  }

  readonly listener = (req: IncomingMessage, res: ServerResponse): void => this.#accept(req, res, false)
  readonly expecting = (req: IncomingMessage, res: ServerResponse): void => this.#accept(req, res, true)

  #accept(req: IncomingMessage, res: ServerResponse, awaitsContinue: boolean): void {
    const exchange = new Exchange(req, res, this.#options.clock.monotonic(), this.#nextId(), this.#options)
    exchange.awaitsContinue = awaitsContinue
    this.#inFlight.add(exchange)
    this.#access.begun(this.#inFlight.size)
    // Always emitted: after the answer, or because the client left.
    res.on('close', () => this.#closed(exchange))
    try {
      this.#begin(exchange)
    } catch (error) {
      this.#fail(exchange, error)
    }
  }

  #begin(exchange: Exchange): void {
    const { req } = exchange
    const peer = this.#peer(req)
    exchange.clientAddress = peer.address
    exchange.secure = peer.secure
    if (peer.trusted) {
      const given = exchange.header('tenfold-request')
      if (given !== undefined && isUuid(given)) exchange.requestId = given
    }
    const target = readTarget(req, peer.secure)
    exchange.target = target
    if (this.#options.assets?.owns(target.path) && !isUnsafe(req.method)) {
      this.#settle(exchange, this.#asset(exchange, target.path))
      return
    }
    if (!isUnsafe(req.method)) {
      this.#run(exchange, undefined)
      return
    }
    refuseCrossSite(req, { host: target.host, secure: peer.secure, trustedOrigins: this.#trustedOrigins })
    if (hasBody(req) || req.headers['idempotency-key'] !== undefined)
      this.#settle(exchange, this.#read(exchange))
    else this.#run(exchange, undefined)
  }

  /** Reads the body, then finds out whether this request was here before. */
  async #read(exchange: Exchange): Promise<void> {
    const { req } = exchange
    const header = exchange.header('idempotency-key')
    const given = header === undefined ? undefined : parseIdempotencyKey(header)
    // Of a request without a body Node emits no end: see optimizeEmptyRequests in server.ts.
    const body = hasBody(req) ? await this.#body(exchange, given !== undefined) : NO_BODY
    if (!body) return
    exchange.state = 'running'
    exchange.runningAt = this.#options.clock.monotonic()
    const key = given ?? (await keyOf(req.headers['content-type'], body))
    if (key !== undefined) {
      exchange.reservation = reservationFor(key, exchange, body)
      exchange.requestId = await this.#options.contexts.run(exchange, async () =>
        reserve(
          this.#options.store,
          await this.#options.principal(),
          exchange.reservation!,
          exchange.requestId,
        ),
      )
      if (exchange.state !== 'running') return
    }
    this.#run(exchange, body)
  }

  /** Undefined when the exchange ended meanwhile. */
  async #body(exchange: Exchange, keyed: boolean): Promise<ArrivedBody | undefined> {
    const { req, res } = exchange
    const bytesMax = this.#bodyBytesMax(req.method!, exchange.target!.path)
    const limits = { bytesMax, spool: this.#options.spool }
    admitBody(req, limits)
    exchange.state = 'reading'
    exchange.body = new BodyReader(req, limits, keyed || isForm(req.headers['content-type']))
    if (exchange.awaitsContinue) {
      exchange.awaitsContinue = false
      res.writeContinue()
    }
    const body = await exchange.body.arrived
    return exchange.state === 'reading' ? body : undefined
  }

  #run(exchange: Exchange, body: ArrivedBody | undefined): void {
    const request = lightRequest(exchange.req, exchange.target!.url, body, exchange)
    const result = this.#options.contexts.run(exchange, () => this.#options.fetch(request))
    if (result instanceof Promise)
      result.then(
        (response) => this.#answer(exchange, response),
        (error: unknown) => this.#fail(exchange, error),
      )
    else this.#answer(exchange, result)
  }

  #answer(exchange: Exchange, response: Response): void {
    // A deadline, a stop or a client that left may have been faster.
    if (exchange.state !== 'running') {
      response.body?.cancel().catch(() => {})
      return
    }
    try {
      const sent = send(exchange, this.#sending(exchange), response)
      if (sent) this.#settle(exchange, sent)
    } catch (error) {
      this.#fail(exchange, error)
    }
  }

  async #asset(exchange: Exchange, path: string): Promise<void> {
    // The deadline is for the app; how long a file takes is up to the client.
    exchange.state = 'answering'
    const extra = platformLines(exchange, this.#sending(exchange))
    exchange.bytes = await this.#options.assets!.serve(exchange.req, exchange.res, path, extra)
  }

  #settle(exchange: Exchange, work: Promise<void>): void {
    work.catch((error: unknown) => this.#fail(exchange, error))
  }

  #sending(exchange: Exchange): Sending {
    return {
      now: this.#options.clock.monotonic(),
      closing: this.#draining || unread(exchange),
      contentSecurityPolicy: this.#policy,
    }
  }

  #fail(exchange: Exchange, error: unknown): void {
    const { req, res } = exchange
    const { log } = this.#options
    if (exchange.state === 'closed' || exchange.failed) return
    exchange.failed = true
    if (res.headersSent) {
      log.error({ requestId: exchange.requestId, error }, 'an answer broke off')
      res.destroy()
      return
    }
    const { requestId } = exchange
    const lingers = unread(exchange) && !exchange.awaitsContinue
    const problem = renderProblem(error, { requestId, accept: req.headers.accept })
    if (!(error instanceof ClientGone) && problem.status >= 500)
      log.error({ requestId, status: problem.status, error }, 'a request failed')
    exchange.abort(error)
    try {
      sendPlain(exchange, this.#sending(exchange), problem.status, problem.headers, problem.body, !lingers)
      if (lingers) this.#linger(req, res)
    } catch (cause) {
      log.error({ requestId, error: cause }, 'an error could not be answered')
      res.destroy()
    }
  }

  /** A connection closed with unread input is reset, and the answer lost with it: read on for a moment. */
  #linger(req: IncomingMessage, res: ServerResponse): void {
    const timer = this.#options.clock.timer(LINGER_MS, () => res.end())
    req.on('error', () => {})
    req.once('close', () => timer.cancel())
    req.once('end', () => res.end())
    req.resume()
  }

  #closed(exchange: Exchange): void {
    const finished = exchange.res.writableFinished
    if (!finished) exchange.abort(new ClientGone())
    exchange.state = 'closed'
    exchange.body?.release()
    this.#inFlight.delete(exchange)
    this.answered++
    const ms = this.#options.clock.monotonic() - exchange.startedAt
    this.#access.ended(exchange, ms, finished ? exchange.res.statusCode : GONE_STATUS, this.#inFlight.size)
  }
}

/** Makes the request path of a web node. Puts faster `Request` and `Response` classes in front of Node's. */
export function createHandler(options: HandlerOptions): Handler {
  return new RequestPath(options)
}
