import type { Clock } from '../core/clock.ts'
import { CookieJar } from './cookies.ts'
import type { TestRequestInit } from './exchange.ts'

/** Like the global `fetch`, for the app under test: relative URLs, and redirects come back as they are. */
export type TestFetch = (input: string | URL | Request, init?: TestRequestInit) => Promise<Response>

export interface ClientOptions {
  /** Sent as `Authorization: Bearer …` with every request. */
  readonly bearer?: string
  /** Sent with every request. */
  readonly headers?: ConstructorParameters<typeof Headers>[0]
}

/** Someone who uses the app: keeps cookies, and says where a form came from as a browser does. */
export interface TestClient {
  /** With `redirect: 'follow'` it goes where it is sent, at most 10 times. */
  readonly fetch: TestFetch
  readonly cookies: CookieJar
}

const REDIRECTS_MAX = 10
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Makes a client over the plain `fetch` of the app. */
export function createClient(
  fetch: (input: Request) => Promise<Response>,
  prepare: (input: string | URL | Request, init?: TestRequestInit) => Request,
  clock: Clock,
  options: ClientOptions,
): TestClient {
  const cookies = new CookieJar(clock)
  const send = async (request: Request): Promise<Response> => {
    const { pathname, origin } = new URL(request.url)
    for (const [name, value] of new Headers(options.headers))
      if (!request.headers.has(name)) request.headers.set(name, value)
    if (options.bearer !== undefined && !request.headers.has('authorization'))
      request.headers.set('authorization', `Bearer ${options.bearer}`)
    const cookie = cookies.header(pathname)
    if (cookie !== undefined && !request.headers.has('cookie')) request.headers.set('cookie', cookie)
    if (!SAFE.has(request.method) && !request.headers.has('origin')) request.headers.set('origin', origin)
    const response = await fetch(request)
    cookies.take(response)
    return response
  }
  return {
    cookies,
    fetch: async (input, init) => {
      let request = prepare(input, init)
      let response = await send(request)
      for (let count = 0; init?.redirect === 'follow' && isRedirect(response); count += 1) {
        if (count === REDIRECTS_MAX)
          throw new Error(
            `More than ${REDIRECTS_MAX} redirects, the last to ${response.headers.get('location')}`,
          )
        await response.body?.cancel()
        request = redirected(request, response, prepare)
        response = await send(request)
      }
      return response
    },
  }
}

const isRedirect = (response: Response): boolean =>
  [301, 302, 303, 307, 308].includes(response.status) && response.headers.has('location')

/** A form that is answered with a redirect is followed by GET; 307 and 308, which repeat the body, are left to the test. */
function redirected(
  request: Request,
  response: Response,
  prepare: (input: URL, init: TestRequestInit) => Request,
): Request {
  const url = new URL(response.headers.get('location') as string, request.url)
  if (response.status >= 307 && !SAFE.has(request.method))
    throw new Error(
      `${request.method} ${request.url} was answered with ${response.status}, which repeats the body: send it to ${url} yourself`,
    )
  const headers = new Headers(request.headers)
  for (const name of ['cookie', 'origin', 'content-type', 'content-length', 'idempotency-key'])
    headers.delete(name)
  return prepare(url, { headers, method: request.method === 'HEAD' ? 'HEAD' : 'GET', signal: request.signal })
}
