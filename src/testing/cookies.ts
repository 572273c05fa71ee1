import type { Clock } from '../core/clock.ts'

interface Cookie {
  readonly value: string
  readonly path: string
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

/** The cookies of one host, as a browser keeps them. */
export class CookieJar {
  readonly #cookies = new Map<string, Cookie>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Takes what a response sets. */
  take(response: Response): void {
    for (const line of response.headers.getSetCookie()) this.#set(line)
  }

  /** The `Cookie` header for a path; undefined when there are none. */
  header(path: string): string | undefined {
    const pairs = [...this.#live()]
      .filter(([, cookie]) => matches(path, cookie.path))
      .map(([name, { value }]) => `${name}=${value}`)
    return pairs.length > 0 ? pairs.join('; ') : undefined
  }

  get(name: string): string | undefined {
    return new Map(this.#live()).get(name)?.value
  }

  set(name: string, value: string): void {
    this.#cookies.set(name, { value, path: '/', expiresAt: Number.POSITIVE_INFINITY })
  }

  delete(name: string): void {
    this.#cookies.delete(name)
  }

  clear(): void {
    this.#cookies.clear()
  }

  /** In the order in which they were first set. */
  get names(): string[] {
    return [...this.#live()].map(([name]) => name)
  }

  #live(): [string, Cookie][] {
    const now = this.#clock.now()
    return [...this.#cookies].filter(([, { expiresAt }]) => expiresAt > now)
  }

  #set(line: string): void {
    const [pair = '', ...rest] = line.split(';').map((part) => part.trim())
    const equals = pair.indexOf('=')
    if (equals <= 0) return
    const attributes = new Map(
      rest.map((part) => {
        const at = part.indexOf('=')
        return at < 0 ? [part.toLowerCase(), ''] : [part.slice(0, at).toLowerCase(), part.slice(at + 1)]
      }),
    )
    const path = attributes.get('path')
    const name = pair.slice(0, equals)
    const expiresAt = this.#expiry(attributes.get('max-age'), attributes.get('expires'))
    if (expiresAt <= this.#clock.now()) this.#cookies.delete(name)
    else
      this.#cookies.set(name, {
        value: pair.slice(equals + 1),
        path: path?.startsWith('/') ? path : '/',
        expiresAt,
      })
  }

  #expiry(maxAge: string | undefined, expires: string | undefined): number {
    if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return this.#clock.now() + Number(maxAge) * 1000
    const at = expires === undefined ? Number.NaN : Date.parse(expires)
    return Number.isNaN(at) ? Number.POSITIVE_INFINITY : at
  }
}

/** RFC 6265, 5.1.4. */
const matches = (path: string, prefix: string): boolean =>
  path === prefix || (path.startsWith(prefix) && (prefix.endsWith('/') || path[prefix.length] === '/'))
