import { AsyncLocalStorage } from 'node:async_hooks'
import type { Logger } from './log.ts'
import type { Position } from './position.ts'
import type { SeenScope } from './seen.ts'

/**
 * What belongs to one request (or one job run) while it is handled. Parts of it may be made when they are asked for:
 * derive a context by {@link withinWrite}, never by a spread.
 */
export interface RequestContext {
  /** UUIDv7, constant over every retry of the same request. */
  readonly requestId: string
  /** Nothing can have run under this id before: a write need not wait for the answer whether it has committed already. */
  readonly fresh?: boolean | undefined
  readonly log: Logger
  /** Aborted when the client has gone or the deadline has passed. */
  readonly signal: AbortSignal
  /** Names of the writes begun in this request: each names one commit marker, so none may come twice. */
  readonly writeNames: Set<string>
  /** Ids drawn so far outside of any write; see data/client/ids.ts. */
  idsDrawn: number
  /** The write this code runs inside, if any: nested writes are refused, ids are drawn from its marker. */
  readonly write?: WriteScope
  /** Milliseconds spent, for `Server-Timing`. */
  readonly timing: { dbMs: number; cacheMs: number }
  /** Whether an `Idempotency-Key` may bring this request back later: its markers are then kept longer. */
  readonly keyed?: boolean | undefined
  /** By cluster: the position that this request's own commits have reached. */
  readonly wrote?: Map<string, Position> | undefined
  /** What the session behind this request has seen; absent where there is no session, e.g. in a script. */
  readonly seen?: SeenScope | undefined
  /** The job that runs here; its markers live as long as it can be run again. */
  readonly jobId?: string | undefined
  /** Present when this is a request that came by HTTP; absent in a job. */
  readonly http?: HttpScope | undefined
}

/** What the web tier knows of a request that came by HTTP, for the parts that are bound to it. */
export interface HttpScope {
  /** The client's address as the front door saw it; a proxy's word counts only when it is trusted. */
  readonly clientAddress: string
  /** Whether the client's own connection is encrypted. */
  readonly secure: boolean
  readonly trace: TraceContext
  /** A request header by its lower-case name. */
  header(name: string): string | undefined
  /** Adds a `Set-Cookie` line to the answer. A later line of the same cookie replaces the earlier. */
  setCookie(name: string, line: string): void
  /** The bearer token or cookie of the session, looked up at most once a request; owned by web/sessions. */
  session: SessionSlot | undefined
  /** The reservation of this request's `Idempotency-Key`, if it has one; owned by web/idempotency. */
  readonly reservation: Reservation | undefined
}

/** W3C Trace Context: the trace that a request belongs to and this server's span in it. */
export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 hexadecimal digits: the span of this request. */
  readonly spanId: string
  /** The caller's span, when the request came with one. */
  readonly parentId: string | undefined
  readonly sampled: boolean
}

/** A place in the request where web/sessions keeps what it found. */
export interface SessionSlot {
  /** How many sessions this request has begun: each token is a function of the request id and this. */
  begun: number
  found: Promise<unknown> | undefined
}

/** What a request with an `Idempotency-Key` reserved. */
export interface Reservation {
  readonly key: string
  readonly requestHash: string
  readonly method: string
  /** Path and query. */
  readonly target: string
  readonly bodyHash: string
}

/** The write that surrounds the running code. */
export interface WriteScope {
  readonly markerId: string
  readonly name: string
  idsDrawn: number
}

/** The context of the code inside a write. */
export function withinWrite(context: RequestContext, write: WriteScope): RequestContext {
  return new WithinWrite(context, write)
}

class WithinWrite implements RequestContext {
  readonly #outer: RequestContext
  readonly write: WriteScope
  constructor(outer: RequestContext, write: WriteScope) {
    this.#outer = outer
    this.write = write
  }
  get requestId() {
    return this.#outer.requestId
  }
  get fresh() {
    return this.#outer.fresh
  }
  get log() {
    return this.#outer.log
  }
  get signal() {
    return this.#outer.signal
  }
  get writeNames() {
    return this.#outer.writeNames
  }
  get idsDrawn() {
    return this.#outer.idsDrawn
  }
  set idsDrawn(count: number) {
    this.#outer.idsDrawn = count
  }
  get timing() {
    return this.#outer.timing
  }
  get keyed() {
    return this.#outer.keyed
  }
  get wrote() {
    return this.#outer.wrote
  }
  get seen() {
    return this.#outer.seen
  }
  get jobId() {
    return this.#outer.jobId
  }
  get http() {
    return this.#outer.http
  }
}

/** Carries the {@link RequestContext} through asynchronous calls. */
export interface ContextStorage {
  current(): RequestContext | undefined
  run<R>(context: RequestContext, work: () => R): R
}

export function createContextStorage(): ContextStorage {
  const storage = new AsyncLocalStorage<RequestContext>()
  return { current: () => storage.getStore(), run: (context, work) => storage.run(context, work) }
}

/**
 * A context for work outside of any request, e.g. a script: its writes are exactly-once within one call. `fresh`: the id
 * was drawn for it.
 */
export function detachedContext(requestId: string, log: Logger, fresh = false): RequestContext {
  return {
    requestId,
    fresh,
    log,
    signal: new AbortController().signal,
    writeNames: new Set(),
    idsDrawn: 0,
    timing: { dbMs: 0, cacheMs: 0 },
    wrote: new Map(),
  }
}
