import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HttpScope, RequestContext, Reservation, SessionSlot, TraceContext } from '../core/context.ts'
import type { LogFields, Logger } from '../core/log.ts'
import type { Position } from '../core/position.ts'
import type { RandomSource } from '../core/random.ts'
import type { BodyReader } from './request/body.ts'
import type { Target } from './request/target.ts'
import { traceOf } from './request/trace.ts'
import type { RequestSeen, SeenAnswer } from './seen/request-seen.ts'
import { SEEN_HEADER } from './seen/request-seen.ts'
import type { WebSeen } from './seen/web-seen.ts'

/** Where a request stands; DESIGN.md has the diagram. */
export type ExchangeState = 'reading' | 'running' | 'answering' | 'closed'

/** What all exchanges of a handler share. */
export interface ExchangeShared {
  readonly log: Logger
  readonly random: RandomSource
  readonly seen?: WebSeen | undefined
}

/**
 * One request and its answer, from the head's arrival until the answer is gone. It is the context of the code that
 * handles it, too; what most requests never ask for is made when it is asked for.
 */
export class Exchange implements HttpScope, RequestContext {
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
  /** Whether the client waits for our word before it sends its body. */
  awaitsContinue = false
  readonly timing = { dbMs: 0, cacheMs: 0 }
  session: SessionSlot | undefined = undefined
  reservation: Reservation | undefined = undefined
  idsDrawn = 0
  /** Bytes of the answer's body that were handed to the socket. */
  bytes = 0
  /** Whether a failure of this request was logged already. */
  failed = false
  /** Its neighbours in flight; owned by in-flight.ts. */
  older: Exchange | undefined = undefined
  newer: Exchange | undefined = undefined
  /** The id that was drawn for this request; another's may take its place. */
  readonly #drawn: string
  #abort: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined
  #cookies: Map<string, string> | undefined
  #trace: TraceContext | undefined
  #log: Logger | undefined
  #seen: RequestSeen | undefined
  #writeNames: Set<string> | undefined
  #wrote: Map<string, Position> | undefined
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
    this.#drawn = requestId
    this.#shared = shared
  }

  get http(): HttpScope {
    return this
  }
  get fresh(): boolean {
    return this.requestId === this.#drawn
  }
  get keyed(): boolean {
    return this.reservation !== undefined
  }
  get log(): Logger {
    this.#log ??= new RequestLog(this.#shared.log, this)
    return this.#log
  }
  get writeNames(): Set<string> {
    this.#writeNames ??= new Set()
    return this.#writeNames
  }
  get wrote(): Map<string, Position> {
    this.#wrote ??= new Map()
    return this.#wrote
  }
  get seen(): RequestSeen | undefined {
    this.#seen ??= this.#shared.seen?.of(this)
    return this.#seen
  }
  get trace(): TraceContext {
    this.#trace ??= traceOf(this.header('traceparent'), this.requestId, this.#shared.random)
    return this.#trace
  }

  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController()
      if (this.#aborted) this.#abort.abort(this.#aborted.reason)
    }
    return this.#abort.signal
  }
  /** The first reason counts. */
  abort(reason: unknown): void {
    if (this.#aborted) return
    this.#aborted = { reason }
    this.#abort?.abort(reason)
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
  /** What the answer says of what its session has seen. Nothing for who neither asked nor sent the header. */
  seenAnswer(): SeenAnswer | undefined {
    if (this.#seen === undefined && this.req.headers[SEEN_HEADER] === undefined) return undefined
    return this.seen?.answer()
  }
}

/** A logger that adds the request's id; the child is made when the first line is written, rarely at all. */
class RequestLog implements Logger {
  readonly #base: Logger
  readonly #request: { readonly requestId: string }
  #id = ''
  #child: Logger | undefined
  constructor(base: Logger, request: { readonly requestId: string }) {
    this.#base = base
    this.#request = request
  }
  get #own(): Logger {
    const { requestId } = this.#request
    // An `Idempotency-Key` may have brought the first request's id meanwhile.
    if (!this.#child || this.#id !== requestId) {
      this.#id = requestId
      this.#child = this.#base.child({ requestId })
    }
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
