import { SEEN_HEADER } from '../../../src/web/seen/request-seen.ts'

/** What a client keeps between requests of one session, so that it is shown nothing older than it has seen. */
export interface Memory {
  /** Headers for the next request. */
  headers(): Record<string, string>
  /** An answer has come, to a request with these headers. */
  take(response: Response, sent: Readonly<Record<string, string>>): void
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

/** As a browser would be if all answers wrote the same cookie: whichever comes last overwrites what the other tab has been told. */
export class OverwrittenCookie implements Memory {
  #cookie: string | undefined

  headers(): Record<string, string> {
    return this.#cookie === undefined ? {} : { cookie: this.#cookie }
  }

  take(response: Response): void {
    for (const line of response.headers.getSetCookie())
      if (!/max-age=0(;|$)/i.test(line)) this.#cookie = line.split(';')[0]
  }
}

/** As a program whose requests overlap: it sends all that came back, and keeps the one that comes for what it sent. */
export class HeaderMemory implements Memory {
  readonly #tokens = new Set<string>()

  headers(): Record<string, string> {
    return { [SEEN_HEADER]: [...this.#tokens].join(',') }
  }

  take(response: Response, sent: Readonly<Record<string, string>>): void {
    const token = response.headers.get(SEEN_HEADER)
    if (!token) return
    for (const one of sent[SEEN_HEADER]?.split(',') ?? []) this.#tokens.delete(one)
    this.#tokens.add(token)
  }
}

/** Forgets everything: what a client without cookies is. */
export const noMemory = (): Memory => ({ headers: () => ({}), take: () => {} })
