import type { HttpScope } from '../../core/context.ts'
import type { RandomSource } from '../../core/random.ts'
import type { SeenDirectory } from '../../core/seen-record.ts'
import { RequestSeen } from './request-seen.ts'
import { SeenTokens } from './token.ts'

export interface WebSeenOptions {
  /** Newest first: the first signs, all verify. */
  readonly signingKeys: readonly Buffer[]
  readonly random: RandomSource
  readonly directory: SeenDirectory
  /** Whether cookies are marked Secure and carry the `__Host-` prefix also where the request came without TLS. */
  readonly secureCookies: boolean
}

/** Seen tokens on their way in and out of requests. */
export class WebSeen {
  readonly #tokens: SeenTokens
  readonly #options: WebSeenOptions

  constructor(options: WebSeenOptions) {
    this.#options = options
    this.#tokens = new SeenTokens(options.signingKeys)
  }

  /** What the session behind a request has seen; its tokens are read when somebody asks. */
  of(http: HttpScope): RequestSeen {
    const { secureCookies, directory, random } = this.#options
    return new RequestSeen(http, {
      secure: secureCookies || http.secure,
      tokens: this.#tokens,
      directory,
      random,
    })
  }
}
