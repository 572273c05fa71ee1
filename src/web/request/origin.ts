import type { IncomingMessage } from 'node:http'
import { CrossSiteRefused } from '../errors.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
const BEARER = /^bearer +\S/i

export interface OriginCheck {
  readonly host: string
  readonly secure: boolean
  /** Further origins whose pages may change things here, e.g. `https://admin.example.org`. */
  readonly trustedOrigins?: ReadonlySet<string> | undefined
}

/** Whether the method may change something. */
export function isUnsafe(method: string | undefined): boolean {
  return !SAFE.has(method ?? '')
}

/** Whether the request proves itself with a bearer token, which a foreign page cannot send by itself. */
export function hasBearer(incoming: IncomingMessage): boolean {
  const authorization = incoming.headers.authorization
  return authorization !== undefined && BEARER.test(authorization)
}

function sameOrigin(origin: string, { host, secure }: OriginCheck): boolean {
  // Behind a proxy that ends TLS we may not know the scheme; then the host decides.
  if (origin === `https://${host}` || (!secure && origin === `http://${host}`)) return true
  try {
    const url = new URL(origin)
    return url.host === host && (url.protocol === 'https:' || (!secure && url.protocol === 'http:'))
  } catch {
    return false
  }
}

/**
 * Refuses a request that changes something and comes from a page of another site. Browsers say so in `Origin`
 * and `Sec-Fetch-Site` and let no page forge them; clients that are not browsers send neither and pass,
 * because nobody's cookies are sent along behind their back.
 *
 * @throws CrossSiteRefused
 */
export function refuseCrossSite(incoming: IncomingMessage, check: OriginCheck): void {
  if (!isUnsafe(incoming.method) || hasBearer(incoming)) return
  const { origin } = incoming.headers
  const site = incoming.headers['sec-fetch-site']
  if (origin !== undefined) {
    if (sameOrigin(origin, check) || check.trustedOrigins?.has(origin)) return
    throw new CrossSiteRefused(origin === 'null' ? 'a hidden origin' : origin.slice(0, 200))
  }
  if (site === undefined || site === 'same-origin' || site === 'none') return
  throw new CrossSiteRefused(`Sec-Fetch-Site: ${String(site).slice(0, 20)}`)
}
