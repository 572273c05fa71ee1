import { createHash } from 'node:crypto'
import { STATUS_CODES } from 'node:http'
import { isTenfoldError, type TenfoldError } from '../../core/errors.ts'
import { UnexpectedError } from '../errors.ts'

/** An error, ready to be sent. */
export interface Problem {
  readonly status: number
  readonly headers: Record<string, string>
  readonly body: string
}

export interface ProblemContext {
  readonly requestId: string
  /** The request's `Accept` header. */
  readonly accept?: string | undefined
}

const STYLE =
  ':root{color-scheme:light dark;font:1.125rem/1.5 system-ui,sans-serif}body{max-width:36rem;margin:15vh auto;padding:0 1.5rem}h1{font-size:1.75rem;line-height:1.2}small{opacity:.75;overflow-wrap:anywhere}'
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')
const PAGE_POLICY = `default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-${STYLE_HASH}'`

/** Errors whose text may tell of paths, queries and other insides; their code and the request id must do. */
const hidden = (error: TenfoldError): boolean =>
  error.status >= 500 && error.status !== 503 && error.status !== 507

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
const escapeHtml = (text: string): string => text.replaceAll(/[&<>"']/g, (sign) => ENTITIES[sign]!)

/** Whether a browser asks for a page: it names text/html, API clients do not. */
const wantsPage = (accept: string | undefined): boolean => accept?.includes('text/html') === true

function page(status: number, title: string, detail: string, error: TenfoldError, requestId: string): string {
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head>
<body><main>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(detail)}</p>
<p><a href="/">Back to the start page</a></p>
<p><small>${status} · ${escapeHtml(error.code)} · request ${escapeHtml(requestId)}</small></p>
</main></body>
</html>
`
}

/** What the client may know: a {@link TenfoldError} as it is, anything else as an {@link UnexpectedError}. */
export function publicError(error: unknown): TenfoldError {
  return isTenfoldError(error) && Number.isInteger(error.status) && error.status >= 400 && error.status <= 599
    ? error
    : new UnexpectedError(error)
}

/** Renders any error as problem details (RFC 9457), or as a page for a browser. */
export function renderProblem(error: unknown, { requestId, accept }: ProblemContext): Problem {
  const known = publicError(error)
  const status = known.status
  const title = STATUS_CODES[status] ?? 'Error'
  const unexpected = known instanceof UnexpectedError
  const shown = hidden(known) ? new UnexpectedError() : known
  const detail = `${shown.message} ${shown.remedy}`
  const headers: Record<string, string> = { 'cache-control': 'no-store' }
  if (known.retryAfterSeconds !== undefined)
    headers['retry-after'] = String(Math.max(1, Math.ceil(known.retryAfterSeconds)))
  const extra = (known as { responseHeaders?: unknown }).responseHeaders
  if (typeof extra === 'object' && extra !== null) Object.assign(headers, extra)
  if (wantsPage(accept)) {
    headers['content-type'] = 'text/html; charset=utf-8'
    headers['content-security-policy'] = PAGE_POLICY
    return { status, headers, body: page(status, title, detail, known, requestId) }
  }
  headers['content-type'] = 'application/problem+json'
  const type = unexpected ? 'about:blank' : `/${known.docs}`
  return {
    status,
    headers,
    body: JSON.stringify({ type, title, status, detail, code: known.code, requestId }),
  }
}

/** The same as a `Response`, for an app that renders errors itself, e.g. in Hono's `onError`. */
export function problemResponse(error: unknown, context: ProblemContext): Response {
  const { body, ...init } = renderProblem(error, context)
  return new Response(body, init)
}
