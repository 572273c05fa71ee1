import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpScope, RequestContext, Reservation, SessionSlot, TraceContext } from '../core/context.ts'
import type { LogFields, Logger } from '../core/log.ts'
import type { RandomSource } from '../core/random.ts'
import type { BodyReader } from './request/body.ts'
import type { Target } from './request/target.ts'
import { traceOf } from './request/trace.ts'

/** Where a request stands; DESIGN.md has the diagram. */
export type ExchangeState = 'reading' | 'running' | 'answering' | 'closed'

/** What all exchanges of a handler share. */
export interface ExchangeShared {
  readonly log: Logger
  readonly random: RandomSource
}

/** One request and its answer, from the head's arrival until the answer is gone. */
export class Exchange implements HttpScope {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Monotonic milliseconds. */
  readonly startedAt: number
  requestId: string
  clientAddress = ''
  secure = false
  target: Target | undefined
  state: ExchangeState = 'running'
  /** Monotonic milliseconds since which the app runs; the deadline counts from here. */
  runningAt: number
  body: BodyReader | undefined
  readonly timing = { dbMs: 0, cacheMs: 0 }
  readonly abort = new AbortController()
  session: SessionSlot | undefined = undefined
  reservation: Reservation | undefined = undefined
  /** Bytes of the answer's body that were handed to the socket. */
  bytes = 0
  /** Whether a failure of this request was logged already. */
  failed = false
  #cookies: Map<string, string> | undefined
  #trace: TraceContext | undefined
  readonly #shared: ExchangeShared

  constructor(
    req: IncomingMessage,
    res: ServerResponse,
    startedAt: number,
    requestId: string,
    shared: ExchangeShared,
  ) {
    this.req = req
    this.res = res
    this.startedAt = startedAt
    this.runningAt = startedAt
    this.requestId = requestId
    this.#shared = shared
  }

  get trace(): TraceContext {
    this.#trace ??= traceOf(this.header('traceparent'), this.requestId, this.#shared.random)
    return this.#trace
  }
  get cookies(): Iterable<string> | undefined {
    return this.#cookies?.values()
  }
  header(name: string): string | undefined {
    const value = this.req.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  setCookie(name: string, line: string): void {
    this.#cookies ??= new Map()
    this.#cookies.set(name, line)
  }
  get log(): Logger {
    return this.#shared.log
  }
}

/** A logger that adds the request's id; the child is made when the first line is written, rarely at all. */
class RequestLog implements Logger {
  readonly #base: Logger
  readonly #requestId: string
  #child: Logger | undefined
  constructor(base: Logger, requestId: string) {
    this.#base = base
    this.#requestId = requestId
  }
  get #own(): Logger {
    this.#child ??= this.#base.child({ requestId: this.#requestId })
    return this.#child
  }
  debug(fields: LogFields, message: string): void {
    this.#own.debug(fields, message)
  }
  info(fields: LogFields, message: string): void {
    this.#own.info(fields, message)
  }
  warn(fields: LogFields, message: string): void {
    this.#own.warn(fields, message)
  }
  error(fields: LogFields, message: string): void {
    this.#own.error(fields, message)
  }
  child(fields: LogFields): Logger {
    return this.#own.child(fields)
  }
}

/** What the app and the tiers see. Plain properties only: a write derives its own context by a spread. */
export function contextOf(exchange: Exchange): RequestContext {
  return {
    requestId: exchange.requestId,
    log: new RequestLog(exchange.log, exchange.requestId),
    signal: exchange.abort.signal,
    writeNames: new Set(),
    idsDrawn: 0,
    timing: exchange.timing,
    keyed: exchange.reservation !== undefined,
    wrote: new Map(),
    http: exchange,
  }
}
