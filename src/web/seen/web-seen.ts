import type { HttpScope } from '../../core/context.ts'
import type { RandomSource } from '../../core/random.ts'
import type { SeenDirectory } from '../../core/seen-record.ts'
import { RequestSeen, type RequestSeenParts } from './request-seen.ts'
import { SeenTokens } from './token.ts'

export interface WebSeenOptions {
  /** Newest first: the first signs, all verify. */
  readonly signingKeys: readonly Buffer[]
  readonly random: RandomSource
  readonly directory: SeenDirectory
  /** Whether cookies are marked Secure and carry the `__Host-` prefix also where the request came without TLS. */
  readonly secureCookies: boolean
  /** Called with the clusters of which a session has seen what may be lost. */
  readonly onLost?: ((clusters: readonly string[]) => void) | undefined
}

/** Seen tokens on their way in and out of requests. */
export class WebSeen {
  readonly #secureCookies: boolean
  readonly #plain: RequestSeenParts
  readonly #secure: RequestSeenParts

  constructor({ signingKeys, random, directory, secureCookies, onLost }: WebSeenOptions) {
    const tokens = new SeenTokens(signingKeys)
    this.#secureCookies = secureCookies
    this.#plain = { secure: false, tokens, directory, random, onLost }
    this.#secure = { ...this.#plain, secure: true }
  }

  /** What the session behind a request has seen; its tokens are read when somebody asks. */
  of(http: HttpScope): RequestSeen {
    return new RequestSeen(http, this.#secureCookies || http.secure ? this.#secure : this.#plain)
  }
}
