import { type PageContent, page } from './document.ts'
import type { Html } from './html.ts'
import { NOTICE_COOKIE, NOTICE_COOKIE_SECONDS, type Notice } from './notices.ts'
import type { Visit } from './visit.ts'

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  // The preview of a photo that is about to be sent is a blob of the browser.
  "img-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  // Not "no-referrer": browsers would then hide the origin of our own forms, and they would be refused.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
} as const

/** Public pages may be kept but must be asked for again; what a member sees, and what is told once, is not kept. */
function caching(visit: Visit, status: number): string {
  return visit.me || visit.notice || status !== 200 ? 'private, no-store' : 'no-cache'
}

export interface ShowOptions {
  /** @defaultValue 200 */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
}

export function show(visit: Visit, content: PageContent, options: ShowOptions = {}): Response {
  const status = options.status ?? 200
  const headers = {
    ...PAGE_HEADERS,
    'cache-control': caching(visit, status),
    vary: 'Cookie, Accept-Language',
    ...(visit.notice && { 'set-cookie': cookie(NOTICE_COOKIE, '', 0) }),
    ...options.headers,
  }
  return new Response(String(page(visit, content)), { status, headers })
}

/** The parts of a page that have changed, for public/app.js. */
export function showParts(parts: readonly (Html | string)[]): Response {
  return new Response(parts.map(String).join('\n'), {
    headers: { ...PAGE_HEADERS, 'cache-control': 'private, no-store', 'lightbox-parts': '1' },
  })
}

/** Whether the request was sent by public/app.js, which wants only what has changed. */
export function wantsParts(request: Request): boolean {
  return request.headers.has('lightbox-parts')
}

/** After a form: "see other", so that going back or reloading does not send it again. */
export function seeOther(path: string, notice?: Notice): Response {
  const told = notice && { 'set-cookie': cookie(NOTICE_COOKIE, notice, NOTICE_COOKIE_SECONDS) }
  return new Response(null, {
    status: 303,
    headers: { location: path, 'cache-control': 'no-store', ...told },
  })
}

/** For values that are no secret. */
export function cookie(name: string, value: string, seconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Lax`
}
