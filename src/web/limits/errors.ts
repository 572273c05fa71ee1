import { TenfoldError } from '../../core/errors.ts'
import type { Decision } from './gcra.ts'

/** What was promised to a client about a limit. */
export interface Policy {
  readonly max: number
  readonly windowSeconds: number
  readonly burst: number
}

/** Too many events under one key. */
export class RateLimited extends TenfoldError {
  readonly code = 'TENFOLD_RATE_LIMITED'
  override readonly status = 429
  override readonly retryAfterSeconds: number
  /** Lines of the answer's head (IETF draft httpapi-ratelimit-headers). */
  readonly responseHeaders: Readonly<Record<string, string>>
  constructor(policy: Policy, decision: Decision) {
    const wait = decision.retryAfterSeconds
    super(`Too many requests: at most ${policy.max} in ${policy.windowSeconds} s.`, `Try again in ${wait} s.`)
    this.retryAfterSeconds = wait
    this.responseHeaders = {
      'ratelimit-policy': `"default";q=${policy.max};w=${policy.windowSeconds}`,
      ratelimit: `"default";r=${decision.remaining};t=${wait}`,
    }
  }
}

/** A limit that makes no sense. */
export class LimitInvalid extends TenfoldError {
  readonly code = 'TENFOLD_LIMIT_INVALID'
}
