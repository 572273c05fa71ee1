import { type Lightbox, notFound, profileJson } from '../domain/index.ts'
import { profile } from '../schemas/answers.ts'
import { problemResponse } from './problem.ts'
import { route } from './route.ts'

/** For the document; it is served by {@link serveProfile}. */
export const profileRoute = route({
  method: 'get',
  path: '/users/{id}',
  operation: 'getProfile',
  summary: 'The public profile of a person',
  id: 'user',
  status: 200,
  answer: profile,
  handle: ({ system, id }) => profileJson(system, id),
})

const PREFIX = '/users/'
const HEADERS = { 'content-type': 'application/json' }

/** The id when the URL is that of a profile. Looks at the text only: parsing a URL costs more than the rest. */
export function profileIdOf(url: string): string | undefined {
  const path = url.indexOf('/', url.indexOf('//') + 2)
  if (path < 0 || !url.startsWith(PREFIX, path)) return undefined
  const end = url.indexOf('?', path)
  const id = url.slice(path + PREFIX.length, end < 0 ? undefined : end)
  return id.includes('/') ? undefined : id
}

/** The hottest path: one text from the cache, which is the body. */
export const serveProfile = (system: Lightbox, id: string): Promise<Response> =>
  profileJson(system, id).then(respond)

function respond(body: string | null): Response {
  return body === null ? problemResponse(notFound('person')) : new Response(body, { headers: HEADERS })
}
