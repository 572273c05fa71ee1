import type { Clock } from '../../core/clock.ts'
import type { ContextStorage, HttpScope, RequestContext, SessionSlot } from '../../core/context.ts'
import type { Logger } from '../../core/log.ts'
import type { SystemStore } from '../../core/ports.ts'
import type { RandomSource } from '../../core/random.ts'
import { OutsideRequest } from '../errors.ts'
import { reserveForSuccessors } from '../request/idempotency.ts'
import { cookieLine, cookieName, cookieValues } from './cookie.ts'
import { SessionDataInvalid, SessionRequired } from './errors.ts'
import { SessionStore, type StoredSession } from './store.ts'
import {
  derivedPlacement,
  derivedSecret,
  formatToken,
  type ParsedToken,
  parseToken,
  SECRET_BYTES,
  tokenId,
} from './token.ts'

const DAY_MS = 86_400_000
export const SESSION_MS_MAX = 30 * DAY_MS
export const SESSION_IDLE_MS_MAX = 14 * DAY_MS
/** `seen_at` is written at most this often. */
export const SEEN_MS = 3_600_000
export const SESSION_DATA_BYTES_MAX = 16 * 1024
const BEARER = /^bearer +(\S+)$/i
/** Cookies of one name that are tried, newest path first as browsers send them. */
const COOKIES_MAX = 3

/** A server-side session. */
export interface Session {
  readonly principal: string | null
  readonly data: Readonly<Record<string, unknown>>
  readonly createdAt: number
  readonly expiresAt: number
}

/** What an app asks for when it begins a session. */
export interface NewSession {
  readonly principal: string | null
  readonly data?: Record<string, unknown>
  readonly transport?: 'cookie' | 'bearer'
}

export interface SessionOptions {
  readonly store: SystemStore
  readonly contexts: ContextStorage
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  /** Newest first; the first derives new tokens, all recognise replays. */
  readonly signingKeys: readonly Buffer[]
  /** Whether cookies are marked Secure and carry the `__Host-` prefix. */
  readonly secureCookies: boolean
  /** Milliseconds from log-in to the end. @defaultValue 30 days */
  readonly lifetimeMs?: number | undefined
  /** Milliseconds without a request. @defaultValue 14 days */
  readonly idleMs?: number | undefined
}

interface Made {
  readonly parsed: ParsedToken
  readonly stored: StoredSession
}

interface Found {
  readonly parsed: ParsedToken
  readonly stored: StoredSession
  readonly byBearer: boolean
}

const publicForm = ({ principal, data, createdAt, expiresAt }: StoredSession): Session => ({
  principal,
  data,
  createdAt,
  expiresAt,
})

function checkData(data: Record<string, unknown>): Record<string, unknown> {
  let text: string | undefined
  try {
    text = JSON.stringify(data)
  } catch {
    throw new SessionDataInvalid('is no JSON')
  }
  if (text === undefined || !text.startsWith('{')) throw new SessionDataInvalid('is no JSON object')
  if (text.includes('\\u0000')) throw new SessionDataInvalid('contains a NUL character')
  if (Buffer.byteLength(text) > SESSION_DATA_BYTES_MAX)
    throw new SessionDataInvalid(`is larger than ${SESSION_DATA_BYTES_MAX} bytes`)
  return JSON.parse(text) as Record<string, unknown>
}

/** The sessions of an app, bound to the request that is being handled. */
export class WebSessions {
  readonly #options: SessionOptions
  readonly #store: SessionStore
  readonly #lifetimeMs: number
  readonly #idleMs: number

  constructor(options: SessionOptions) {
    this.#options = options
    this.#store = new SessionStore(options.store)
    this.#lifetimeMs = options.lifetimeMs ?? SESSION_MS_MAX
    this.#idleMs = options.idleMs ?? SESSION_IDLE_MS_MAX
  }

  /** The session of the request, from its bearer token or else its cookie; looked up once a request. */
  async current(): Promise<Session | null> {
    const found = await this.#find(this.#request('system.sessions.current').http)
    return found && publicForm(found.stored)
  }

  /** Who sends the request; for the reservation of its `Idempotency-Key`. */
  async principal(): Promise<string | null> {
    return (await this.current())?.principal ?? null
  }

  /**
   * Begins a session and ends the former one of this request. A replay of the request gets the same token.
   * Outside of a request it can only be a bearer's.
   */
  async begin(wanted: NewSession): Promise<{ token: string; session: Session }> {
    const context = this.#options.contexts.current()
    const byBearer = wanted.transport === 'bearer'
    if (!context?.http) {
      if (!byBearer) throw new OutsideRequest('system.sessions.begin with a cookie')
      const made = await this.#insertRandom(wanted)
      return { token: made.parsed.token, session: publicForm(made.stored) }
    }
    const { http } = context
    const slot = slotOf(http)
    const former = await this.#find(http)
    await this.#announce(context, wanted.principal)
    const made = await this.#insert(context, slot.begun++, wanted)
    if (former && former.parsed.id !== made.parsed.id)
      await this.#store.delete(former.parsed.placement, former.parsed.id)
    slot.found = Promise.resolve({ ...made, byBearer } satisfies Found)
    if (!byBearer)
      this.#sendCookie(http, made.parsed.token, made.stored.expiresAt - this.#options.clock.now())
    else if (former && !former.byBearer) this.#sendCookie(http, null, 0)
    return { token: made.parsed.token, session: publicForm(made.stored) }
  }

  /** Replaces the data of the request's session. @throws SessionRequired */
  async update(data: Record<string, unknown>): Promise<void> {
    const { http } = this.#request('system.sessions.update')
    const found = await this.#find(http)
    const checked = checkData(data)
    if (!found || !(await this.#store.update(found.parsed.placement, found.parsed.id, checked)))
      throw new SessionRequired()
    slotOf(http).found = Promise.resolve({ ...found, stored: { ...found.stored, data: checked } })
  }

  /** Ends the request's session, if it has one. */
  async end(): Promise<void> {
    const context = this.#request('system.sessions.end')
    const found = await this.#find(context.http)
    if (found) {
      await this.#announce(context, null)
      await this.#store.delete(found.parsed.placement, found.parsed.id)
    }
    this.#forget(context.http, found)
  }

  /** Ends every session of a principal, the request's own included if it is theirs. */
  async endAll(principal: string): Promise<void> {
    const context = this.#options.contexts.current()
    const http = context?.http
    const found = http ? await this.#find(http) : null
    const own = found?.stored.principal === principal
    if (context && own) await this.#announce(context, null)
    await this.#store.deleteOf(principal)
    if (http && own) this.#forget(http, found)
  }

  /** Deletes expired sessions. */
  sweep(): Promise<void> {
    return this.#store.sweep(this.#options.clock.now(), this.#idleMs)
  }

  #request(what: string): RequestContext & { http: HttpScope } {
    const context = this.#options.contexts.current()
    if (!context?.http) throw new OutsideRequest(what)
    return context as RequestContext & { http: HttpScope }
  }

  /** A retry may come under the name that this request is about to give its client, or under none. */
  async #announce(context: RequestContext, principal: string | null): Promise<void> {
    const reservation = context.http?.reservation
    if (reservation)
      await reserveForSuccessors(this.#options.store, principal, reservation, context.requestId)
  }

  #find(http: HttpScope): Promise<Found | null> {
    const slot = slotOf(http)
    slot.found ??= this.#lookUp(http)
    return slot.found as Promise<Found | null>
  }

  async #lookUp(http: HttpScope): Promise<Found | null> {
    const authorization = http.header('authorization')
    const bearer = authorization === undefined ? null : BEARER.exec(authorization)
    // Bearer wins, also when it is worthless: falling back to the cookie would skip the cross-site check.
    if (bearer) return this.#check(bearer[1]!, true)
    const name = cookieName(this.#secure(http))
    for (const value of cookieValues(http.header('cookie'), name).slice(0, COOKIES_MAX)) {
      const found = await this.#check(value, false)
      if (found) return found
    }
    return null
  }

  async #check(token: string, byBearer: boolean): Promise<Found | null> {
    const parsed = parseToken(token)
    if (!parsed) return null
    const stored = await this.#store.find(parsed.placement, parsed.id)
    const now = this.#options.clock.now()
    if (!stored || now >= stored.expiresAt || now >= stored.seenAt + this.#idleMs) return null
    if (now >= stored.seenAt + SEEN_MS) this.#noteSeen(parsed, now)
    return { parsed, stored, byBearer }
  }

  /** Beside the request: nobody waits for it, and the next request tries again when it fails. */
  #noteSeen(parsed: ParsedToken, now: number): void {
    this.#store
      .seen(parsed.placement, parsed.id, now)
      .catch((error: unknown) => this.#options.log.warn({ error }, 'a session could not be marked as seen'))
  }

  #fresh(id: string, wanted: NewSession): StoredSession {
    const createdAt = this.#options.clock.now()
    const data = checkData(wanted.data ?? {})
    const { principal } = wanted
    return { id, principal, data, createdAt, expiresAt: createdAt + this.#lifetimeMs, seenAt: createdAt }
  }

  async #insertRandom(wanted: NewSession): Promise<Made> {
    const { random } = this.#options
    const placement =
      wanted.principal === null ? random.bytes(4).readUInt32BE(0) : this.#store.place(wanted.principal)
    const token = formatToken(placement, random.bytes(SECRET_BYTES))
    const stored = this.#fresh(tokenId(token), wanted)
    await this.#store.insertNow(placement, stored)
    return { parsed: { token, placement, id: stored.id }, stored }
  }

  async #insert(context: RequestContext, ordinal: number, wanted: NewSession): Promise<Made> {
    const { principal } = wanted
    const { requestId } = context
    const placement = principal === null ? derivedPlacement(requestId, ordinal) : this.#store.place(principal)
    const tokenOf = (key: Buffer): string => formatToken(placement, derivedSecret(key, requestId, ordinal))
    const fresh = this.#fresh(tokenId(tokenOf(this.#options.signingKeys[0]!)), wanted)
    const stored = await this.#store.insertOnce(placement, `tenfold.session.${ordinal}`, fresh)
    // A replay after the keys were rotated: the stored id tells which key the first answer's token was made with.
    const token = this.#options.signingKeys.map(tokenOf).find((one) => tokenId(one) === stored.id)
    // That key is gone, and the first token with it: only a new one helps the client.
    if (token === undefined) return this.#insertRandom(wanted)
    return { parsed: { token, placement, id: stored.id }, stored }
  }

  /** Also behind a trusted proxy that speaks TLS for us. */
  #secure(http: HttpScope): boolean {
    return this.#options.secureCookies || http.secure
  }

  #sendCookie(http: HttpScope, token: string | null, ms: number): void {
    const secure = this.#secure(http)
    http.setCookie(cookieName(secure), cookieLine(token, secure, ms / 1000))
  }

  #forget(http: HttpScope, found: Found | null): void {
    slotOf(http).found = Promise.resolve(null)
    const name = cookieName(this.#secure(http))
    if (!found?.byBearer && http.header('cookie')?.includes(name)) this.#sendCookie(http, null, 0)
  }
}

function slotOf(http: HttpScope): SessionSlot {
  http.session ??= { begun: 0, found: undefined }
  return http.session
}
