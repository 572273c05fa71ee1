import { Problem } from '../domain/index.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  415: 'Unsupported media type',
  422: 'Unprocessable content',
  503: 'Service unavailable',
}

/** RFC 9457. */
export function problemResponse({ slug, status, message, fields, headers }: Problem): Response {
  const body = {
    type: `urn:lightbox:problem:${slug}`,
    title: TITLES[status] ?? 'Problem',
    status,
    detail: message,
    ...(fields.length > 0 && { errors: fields }),
  }
  return new Response(JSON.stringify(body), {
    status,
    headers: { ...headers, 'content-type': 'application/problem+json' },
  })
}

/** Ours become an answer; the platform answers for what it raised, and for what nobody foresaw. */
export function answerProblem(error: unknown): Response {
  if (error instanceof Problem) return problemResponse(error)
  throw error
}
