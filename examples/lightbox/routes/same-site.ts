import { Problem } from '../domain/index.ts'

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
const SAME = new Set(['same-origin', 'none'])

/**
 * Refuses what another site's page makes a browser send with our cookie. Browsers say where a request comes
 * from and no page can forge that; clients that are no browsers say nothing, and need no token.
 * @throws Problem `cross-site`
 */
export function refuseCrossSite(request: Request): void {
  if (SAFE.has(request.method)) return
  const site = request.headers.get('sec-fetch-site')
  const origin = request.headers.get('origin')
  if (site !== null && !SAME.has(site)) throw crossSite()
  if (origin !== null && hostOf(origin) !== hostOf(request.url)) throw crossSite()
}

/** The scheme is left out: behind a balancer that ends TLS we see http. */
const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : '')

const crossSite = (): Problem =>
  new Problem('cross-site', 403, 'This request came from a page of another site.')
