import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Clock } from '../core/clock.ts'
import type { ContextStorage } from '../core/context.ts'
import type { Logger } from '../core/log.ts'
import type { SystemStore } from '../core/ports.ts'
import type { RandomSource } from '../core/random.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'
import { WebOptionInvalid } from './errors.ts'
import type { Spool } from './request/spool.ts'
import type { WebSeen } from './seen/web-seen.ts'

/** Milliseconds that the app has to begin its answer. */
export const DEADLINE_MS = 30_000
/** Bytes of a request's body. */
export const BODY_BYTES_MAX = 1024 * 1024
/** Bytes a second that a body has to arrive with, on average. */
export const BODY_RATE_MIN = 1024
/** Milliseconds before that rate is asked for, so that one lost packet ends nothing. */
export const BODY_GRACE_MS = 10_000
/** How often deadlines and rates are looked at: so exact are they. */
export const SWEEP_MS = 1_000

/** What answers a request: the app. */
export type Fetch = (request: Request) => Response | Promise<Response>

/** The request path of one web node. */
export interface HandlerOptions {
  readonly fetch: Fetch
  readonly contexts: ContextStorage
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  readonly metrics: MetricsRegistry
  /** Where reservations of `Idempotency-Key`s live. */
  readonly store: SystemStore
  /** Who sends the request, asked only when it has an `Idempotency-Key`; null for a stranger. */
  readonly principal: () => Promise<string | null>
  /** Reads and writes seen tokens. @defaultValue none: sessions are not followed */
  readonly seen?: WebSeen | undefined
  /** Static files, answered before the app. */
  readonly assets?: AssetRoute | undefined
  /** A number, or a function of method and path. @defaultValue {@link BODY_BYTES_MAX} */
  readonly bodyBytesMax?: number | ((method: string, path: string) => number) | undefined
  /** Where bodies above 64 KiB wait; the caller starts it. @defaultValue none: they wait in memory */
  readonly spool?: Spool | undefined
  /** @defaultValue {@link DEADLINE_MS} */
  readonly deadlineMs?: number | undefined
  /** @defaultValue {@link BODY_RATE_MIN} */
  readonly bodyRateMin?: number | undefined
  /** @defaultValue {@link BODY_GRACE_MS} */
  readonly bodyGraceMs?: number | undefined
  /** @defaultValue {@link SWEEP_MS} */
  readonly sweepMs?: number | undefined
  /** Addresses or ranges of proxies whose X-Forwarded-* and Tenfold-Request are believed. @defaultValue none */
  readonly trustedProxies?: readonly string[] | undefined
  /** Other origins whose pages may change things here. @defaultValue none */
  readonly trustedOrigins?: readonly string[] | undefined
  /** For documents without a policy of their own. @defaultValue DEFAULT_CONTENT_SECURITY_POLICY */
  readonly contentSecurityPolicy?: string | false | undefined
  /** One log line for each request. @defaultValue true */
  readonly accessLog?: boolean | undefined
}

/** Files that are served without asking the app. */
export interface AssetRoute {
  /** Whether a path is in the folder's part of the URL space. */
  owns(path: string): boolean
  /** Answers on Node's objects; `extra` are lines of the head that every answer has. */
  serve(req: IncomingMessage, res: ServerResponse, path: string, extra: readonly string[]): Promise<number>
}

/** The request path, ready to be put on a server. */
export interface Handler {
  readonly listener: (req: IncomingMessage, res: ServerResponse) => void
  /** The same for `checkContinue`: the client sends its body only when it is told to (`Expect: 100-continue`). */
  readonly expecting: (req: IncomingMessage, res: ServerResponse) => void
  readonly inFlight: number
  /** Requests that are over, since the start. */
  readonly answered: number
  /** From now on every answer says `Connection: close`. */
  drain(): void
  readonly draining: boolean
  /** Resolves when no request is in flight. */
  settled(): Promise<void>
  /** Ends what is still in flight with a 503 and stops the timers. Idempotent. */
  stop(): void
}

/** The limit of a request's body. The function raises WebOptionInvalid when the app's own gives no number. */
export function bodyLimit(
  limit: HandlerOptions['bodyBytesMax'] = BODY_BYTES_MAX,
): (method: string, path: string) => number {
  if (typeof limit === 'number') return () => limit
  return (method, path) => {
    const bytesMax = limit(method, path)
    if (typeof bytesMax === 'number' && bytesMax >= 0) return bytesMax
    throw new WebOptionInvalid(
      `bodyBytesMax gave ${String(bytesMax)} for ${method} ${path}.`,
      'Return a number of bytes for every method and path.',
    )
  }
}
