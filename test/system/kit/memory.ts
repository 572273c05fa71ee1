/** What a client keeps between requests of one session, so that it is shown nothing older than it has seen. */
export interface Memory {
  /** Headers for the next request. */
  headers(): Record<string, string>
  /** An answer has come. */
  take(response: Response): void
}

/** As a browser: cookies by name, shared by all its tabs, whose requests overlap. */
export class CookieMemory implements Memory {
  readonly #cookies = new Map<string, string>()

  headers(): Record<string, string> {
    if (this.#cookies.size === 0) return {}
    return { cookie: [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
  }

  take(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/; */)
      const at = pair.indexOf('=')
      const name = pair.slice(0, at)
      if (attributes.some((one) => /^max-age=0$/i.test(one))) this.#cookies.delete(name)
      else this.#cookies.set(name, pair.slice(at + 1))
    }
  }
}

/** As a program: the last header that came. Its requests come one after another. */
export class HeaderMemory implements Memory {
  #token = ''

  headers(): Record<string, string> {
    return { 'tenfold-seen': this.#token }
  }

  take(response: Response): void {
    this.#token = response.headers.get('tenfold-seen') ?? this.#token
  }
}

/** Forgets everything: what a client without cookies is. */
export const noMemory = (): Memory => ({ headers: () => ({}), take: () => {} })
