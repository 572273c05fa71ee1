import { timeOf } from '../domain/ids.ts'
import { getPerson, type Lightbox, type Person, Problem } from '../domain/index.ts'
import { localeOf } from './locale.ts'
import { NOTICE_COOKIE, noticeOf } from './notices.ts'
import { paths } from './paths.ts'
import { THEME_COOKIE, themeOf } from './theme.ts'
import type { Visit } from './visit.ts'

/** Who is logged in. */
export async function whoIs(system: Lightbox): Promise<Person | null> {
  const session = await system.sessions.current()
  if (!session?.principal) return null
  try {
    return await getPerson(system, session.principal)
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null
    throw error
  }
}

/** What the pages need to know about a request; `me` is passed in, because it is the part that may fail. */
export function visitOf(system: Lightbox, request: Request, me: Person | null): Visit {
  const cookies = cookiesOf(request)
  const { pathname, search } = new URL(request.url)
  const { id } = system.request
  return {
    me,
    locale: localeOf(request.headers.get('accept-language') ?? undefined),
    theme: themeOf(cookies.get(THEME_COOKIE)),
    // The request's id carries the time it came: the same for every run of it, on whatever server.
    nowMs: timeOf(id).getTime(),
    here: isPage(request.method, pathname) ? pathname + search : paths.home,
    notice: noticeOf(cookies.get(NOTICE_COOKIE)),
    formKey: id,
    asset: (path) => system.assets.url(path),
  }
}

/** These show their page again when the form on it is sent; other forms have no page at their address. */
const FORM_PAGES: ReadonlySet<string> = new Set([paths.signUp, paths.logIn, paths.settings])

const isPage = (method: string, path: string): boolean =>
  method === 'GET' || method === 'HEAD' || FORM_PAGES.has(path)

function cookiesOf(request: Request): ReadonlyMap<string, string> {
  const pairs = (request.headers.get('cookie') ?? '').split(';').map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const
  })
  return new Map(pairs)
}
