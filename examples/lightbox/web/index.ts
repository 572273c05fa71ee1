import { type Context, Hono } from 'hono'
import { type Lightbox, Problem } from '../domain/index.ts'
import { failure } from './failure.ts'
import * as account from './pages/account.ts'
import { type Handler, visitFor } from './pages/call.ts'
import { home, showNew } from './pages/home.ts'
import * as people from './pages/people.ts'
import * as photos from './pages/photos.ts'
import * as posts from './pages/posts.ts'
import { publish } from './pages/publish.ts'
import { settings, showSettings } from './pages/settings.ts'
import { chooseTheme } from './pages/theme.ts'
import { paths } from './paths.ts'

/** The web pages of Lightbox, and the forms on them. */
export function pages(system: Lightbox): (request: Request) => Response | Promise<Response> {
  const app = new Hono()
  const page = (path: string, handler: Handler) => app.get(path, (context) => serve(system, handler, context))
  const form = (path: string, handler: Handler) =>
    app.post(path, (context) => serve(system, handler, context))

  page(paths.home, home)
  page(paths.new, showNew)
  page('/:at{@[^/]+}', people.profile)
  page('/people/:id', people.personById)
  page('/posts/:id', posts.post)
  page(paths.signUp, account.showSignUp)
  page(paths.logIn, account.showLogIn)
  page(paths.settings, showSettings)

  page('/photos/:id', photos.showPhoto)
  page('/photos/:id/figure', photos.figure)

  form(paths.signUp, account.signUp)
  form(paths.logIn, account.logIn)
  form(paths.logOut, account.logOut)
  form(paths.theme, chooseTheme)
  form(paths.settings, settings)
  form(paths.posts, publish)
  form('/posts/:id/like', posts.likePost)
  form('/posts/:id/unlike', posts.unlikePost)
  form('/photos/:id/edits', photos.saveEdits)
  form('/photos/:id/delete', photos.removePhoto)
  form('/people/:id/follow', people.followPerson)
  form('/people/:id/unfollow', people.unfollowPerson)

  app.notFound(() => {
    throw new Problem('not-found', 404, 'There is no page at this address.')
  })
  app.onError((error, context) => failure(system, context.req.raw, error))
  return (request) => app.fetch(request)
}

async function serve(system: Lightbox, handler: Handler, context: Context): Promise<Response> {
  const request = context.req.raw
  return handler({
    system,
    request,
    visit: await visitFor(system, request),
    param: (name) => context.req.param(name) ?? '',
    query: (name) => context.req.query(name),
  })
}
