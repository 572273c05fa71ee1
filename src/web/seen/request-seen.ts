import type { HttpScope } from '../../core/context.ts'
import type { RandomSource } from '../../core/random.ts'
import { mergeSeen, NOTHING_SEEN, type Seen } from '../../core/seen.ts'
import { type SeenDirectory, SeenRecord } from '../../core/seen-record.ts'
import { expiringLine, keepingLine, type ReceivedCookie, seenCookies } from './cookies.ts'
import { isWellFormed, type SeenTokens } from './token.ts'

/** The header of API clients, in both directions. */
export const SEEN_HEADER = 'tenfold-seen'
/** Names clusters of which the session has seen what a failover with loss may have taken. */
export const LOST_HEADER = 'tenfold-lost'
/** Cookies that may stay; more are merged into one as soon as a request looks at them. */
export const COOKIES_KEPT = 4
/** Cookies that one answer expires, so that its head stays small; the next one goes on. */
export const COOKIES_EXPIRED_MAX = 32
/** The head of a request is limited to 16 KiB, in which more tokens do not fit. */
const TOKENS_MAX = 256
const ENDING_BYTES = 6
/** What a browser asks its user for, and sends beside its cookies. */
const BROWSER_SCHEME = /^(?:basic|digest|negotiate|ntlm)\b/i

/** What {@link RequestSeen} works with. */
export interface RequestSeenParts {
  /** Whether cookies carry the `__Host-` prefix. */
  readonly secure: boolean
  readonly tokens: SeenTokens
  readonly directory: SeenDirectory
  readonly random: RandomSource
  /** Called when a session is told so. */
  readonly onLost?: ((clusters: readonly string[]) => void) | undefined
}

/** What an answer says of what its session has seen. */
export interface SeenAnswer {
  /** For clients that keep no cookies: the value of {@link SEEN_HEADER}. */
  readonly header?: string
  /** For browsers: lines of `Set-Cookie`. */
  readonly cookies?: readonly string[]
  /** The value of {@link LOST_HEADER}. */
  readonly lost?: string
}

/** One request's part of it. */
export class RequestSeen extends SeenRecord {
  readonly #http: HttpScope
  readonly #secure: boolean
  readonly #tokens: SeenTokens
  readonly #random: RandomSource
  readonly #onLost: RequestSeenParts['onLost']
  /** Those whose tokens are ours. Others stay: another node may already know the key that signed them. */
  #cookies: ReceivedCookie[] = []
  /** The header's token when it is all that the session came with. */
  #only: string | undefined

  constructor(http: HttpScope, { secure, tokens, directory, random, onLost }: RequestSeenParts) {
    super(directory)
    this.#http = http
    this.#secure = secure
    this.#tokens = tokens
    this.#random = random
    this.#onLost = onLost
  }

  /** What the answer has to say; undefined when nothing. Called when its head leaves: later raises are not told. */
  answer(): SeenAnswer | undefined {
    const header = this.#http.header(SEEN_HEADER)
    if (!this.isLoaded && !this.isTouched) return echo(header) ?? this.#merged(header)
    if (this.isUnchanged && header === undefined && this.#cookies.length <= COOKIES_KEPT) return undefined
    const { seen, raised, lost } = this.result()
    const told = this.#told(header, seen, raised)
    if (lost.length === 0) return told
    this.#onLost?.(lost)
    return { ...told, lost: lost.join(', ') }
  }

  #told(header: string | undefined, seen: Seen, raised: boolean): SeenAnswer | undefined {
    if (header !== undefined || isApiClient(this.#http.header('authorization'))) {
      if (!raised && this.#only !== undefined) return { header: this.#only }
      if ((!raised && header === undefined) || seen.clusters.size === 0) return undefined
      return { header: this.#tokens.sign(seen) }
    }
    if (!raised && this.#cookies.length <= COOKIES_KEPT) return undefined
    return { cookies: this.#cookieLines(seen) }
  }

  /** Several tokens in one header become one, also when nobody asked for them. */
  #merged(header: string | undefined): SeenAnswer | undefined {
    if (header === undefined || header === '') return undefined
    const { seen } = this.result()
    return seen.clusters.size === 0 ? undefined : { header: this.#tokens.sign(seen) }
  }

  /** The new cookie comes first: whatever a client reads of the head, it loses nothing. */
  #cookieLines(seen: Seen): string[] {
    const lines: string[] = []
    if (seen.clusters.size > 0) {
      const ending = this.#random.bytes(ENDING_BYTES).toString('base64url')
      lines.push(keepingLine(ending, this.#tokens.sign(seen), this.#secure))
    }
    for (const { name } of this.#expiring()) lines.push(expiringLine(name, this.#secure))
    return lines
  }

  /** From a random place on: answers to many requests at once, which all came with the same cookies, expire different ones. */
  #expiring(): ReceivedCookie[] {
    const all = this.#cookies
    if (all.length <= COOKIES_EXPIRED_MAX) return all
    const from = Math.floor(this.#random.next() * all.length)
    return [...all.slice(from), ...all.slice(0, from)].slice(0, COOKIES_EXPIRED_MAX)
  }

  protected override load(): Seen {
    const cookies = seenCookies(this.#http.header('cookie'), this.#secure)
    const header = this.#http.header(SEEN_HEADER)
    if (cookies.length === 0 && !header) return NOTHING_SEEN
    const merge = new Merge(this.#tokens)
    for (const cookie of cookies) if (merge.add(cookie.value)) this.#cookies.push(cookie)
    if (header) for (const token of header.split(',')) if (merge.add(token.trim())) this.#only = token.trim()
    if (merge.count !== 1) this.#only = undefined
    return merge.seen
  }
}

/** What several tokens say together. */
class Merge {
  readonly #tokens: SeenTokens
  seen = NOTHING_SEEN
  /** Tokens that were ours. */
  count = 0
  #looked = 0

  constructor(tokens: SeenTokens) {
    this.#tokens = tokens
  }

  add(token: string): boolean {
    if (this.#looked++ >= TOKENS_MAX) return false
    const one = this.#tokens.verify(token)
    if (one) this.seen = this.count++ === 0 ? one : mergeSeen(this.seen, one)
    return one !== undefined
  }
}

/** A client that logs in by itself keeps no cookies; with the older schemes it may be a browser. */
function isApiClient(authorization: string | undefined): boolean {
  return authorization !== undefined && !BROWSER_SCHEME.test(authorization)
}

/** A single token that nobody asked for goes back as it came: its signature does not matter to anyone yet. */
function echo(header: string | undefined): SeenAnswer | undefined {
  return header !== undefined && isWellFormed(header) ? { header } : undefined
}
