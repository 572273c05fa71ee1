import { type Context, Hono } from 'hono'
import { type Lightbox, logInRequired, Problem, servePhoto } from '../domain/index.ts'
import { readBody } from './body.ts'
import { openapi } from './openapi.ts'
import { answerProblem } from './problem.ts'
import { profileIdOf, profileRoute, serveProfile } from './profile.ts'
import type { Route } from './route.ts'
import { table } from './table.ts'

/** Every operation that `/openapi.json` describes. */
export const operations: readonly Route[] = [profileRoute, ...table]

/** The JSON API, and behind it the pages for every other path. */
export function routes(
  system: Lightbox,
  pages: (request: Request) => Response | Promise<Response>,
): (request: Request) => Response | Promise<Response> {
  const app = new Hono()
  let document: string | undefined
  app.get('/openapi.json', () => {
    document ??= JSON.stringify(openapi(operations))
    return jsonResponse(document)
  })
  app.get('/users/:id', (context) => serveProfile(system, context.req.param('id')))
  app.get('/photos/:blob{[0-9a-f]{64}}/:name', (c) =>
    servePhoto(system, c.req.raw, c.req.param('blob'), c.req.param('name')),
  )
  for (const route of table)
    app.on(route.method.toUpperCase(), honoPath(route), (c) => serve(system, route, c))
  for (const path of new Set(operations.map(honoPath))) app.all(path, () => refuseMethod(path))
  app.all('/api/*', () => {
    throw new Problem('not-found', 404, 'There is nothing at this address.')
  })
  app.all('*', (context) => pages(context.req.raw))
  app.onError(answerProblem)
  return (request) => {
    const profile = request.method === 'GET' ? profileIdOf(request.url) : undefined
    return profile === undefined ? app.fetch(request) : serveProfile(system, profile)
  }
}

const honoPath = ({ path }: Route): string => path.replaceAll(/\{(\w+)\}/g, ':$1')

async function serve(system: Lightbox, route: Route, context: Context): Promise<Response> {
  const request = context.req.raw
  const userId = route.auth ? await principal(system) : route.viewer ? await viewer(system) : ''
  const body = route.body ? await readBody(request, route.body) : undefined
  const id = context.req.param('id') ?? ''
  const before = route.paged ? context.req.query('before') : undefined
  const answer = await route.handle({ system, request, id, userId, before, body })
  if (answer instanceof Response) return answer
  return route.status === 204
    ? new Response(null, { status: 204 })
    : jsonResponse(JSON.stringify(answer), route.status)
}

async function principal(system: Lightbox): Promise<string> {
  const userId = await viewer(system)
  if (userId === '') throw logInRequired()
  return userId
}

async function viewer(system: Lightbox): Promise<string> {
  const session = await system.sessions.current()
  return session?.principal ?? ''
}

/** Answers depend on who asks and on the moment: nobody may keep them. */
const jsonResponse = (body: string, status = 200): Response =>
  new Response(body, { status, headers: { 'content-type': 'application/json', 'cache-control': 'no-store' } })

function refuseMethod(path: string): never {
  const methods = operations
    .filter((route) => honoPath(route) === path)
    .map(({ method }) => method.toUpperCase())
  if (methods.includes('GET')) methods.push('HEAD')
  throw new Problem('method-not-allowed', 405, `Only ${methods.join(', ')} is possible here.`, {
    headers: { allow: methods.join(', ') },
  })
}
