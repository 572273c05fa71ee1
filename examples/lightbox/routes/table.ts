import {
  changeProfile,
  createAccount,
  createPost,
  follow,
  getPerson,
  type Lightbox,
  like,
  listPosts,
  logIn,
  type PageOf,
  type Post,
  type PostCard,
  readFeed,
  unfollow,
  unlike,
} from '../domain/index.ts'
import { logInSchema, newAccountSchema, profileChangeSchema } from '../schemas/account.ts'
import * as answers from '../schemas/answers.ts'
import { newPostSchema } from '../schemas/post.ts'
import { photoRoutes } from './photos.ts'
import { type Route, route } from './route.ts'

/** Every operation of the API but `GET /users/{id}` and `GET /openapi.json`, which have files of their own. */
export const table: readonly Route[] = [
  route({
    method: 'post',
    path: '/api/accounts',
    operation: 'createAccount',
    summary: 'Sign up; begins a session',
    tokens: true,
    body: newAccountSchema,
    status: 201,
    answer: answers.account,
    problems: [409, 429],
    handle: async ({ system, request, body }) => {
      const account = await createAccount(system, body)
      return { ...account, ...(await beginSession(system, request, account.id)) }
    },
  }),
  route({
    method: 'post',
    path: '/api/session',
    operation: 'logIn',
    summary: 'Log in; ends the former session',
    tokens: true,
    body: logInSchema,
    status: 200,
    answer: answers.account,
    problems: [401, 429],
    handle: async ({ system, request, body }) => {
      const account = await logIn(system, body.handle, body.password)
      return { ...account, ...(await beginSession(system, request, account.id)) }
    },
  }),
  route({
    method: 'delete',
    path: '/api/session',
    operation: 'logOut',
    summary: 'Log out; also when nobody is logged in',
    status: 204,
    handle: ({ system }) => system.sessions.end(),
  }),
  route({
    method: 'get',
    path: '/api/me',
    operation: 'getMe',
    summary: 'The person logged in',
    auth: true,
    status: 200,
    answer: answers.person,
    handle: ({ system, userId }) => getPerson(system, userId),
  }),
  route({
    method: 'patch',
    path: '/api/me',
    operation: 'changeProfile',
    summary: 'Change any part of the own profile',
    auth: true,
    body: profileChangeSchema,
    status: 200,
    answer: answers.profile,
    handle: ({ system, userId, body }) => changeProfile(system, userId, body),
  }),
  route({
    method: 'post',
    path: '/api/posts',
    operation: 'createPost',
    summary: 'Write a post',
    auth: true,
    body: newPostSchema,
    status: 201,
    answer: answers.post,
    problems: [422],
    handle: ({ system, userId, body: { text, photoId } }) => createPost(system, userId, text, photoId),
  }),
  route({
    method: 'get',
    path: '/api/users/{id}/posts',
    operation: 'listPosts',
    summary: "A person's posts, newest first",
    id: 'user',
    paged: true,
    status: 200,
    answer: answers.postPage,
    handle: async ({ system, id, before }) => publicPage(await listPosts(system, id, { before })),
  }),
  route({
    method: 'get',
    path: '/api/feed',
    operation: 'readFeed',
    summary: 'Posts of those whom one follows, and the own ones, newest first',
    auth: true,
    paged: true,
    status: 200,
    answer: answers.postPage,
    handle: async ({ system, userId, before }) => publicPage(await readFeed(system, userId, { before })),
  }),
  ...photoRoutes,
  ...pair('/api/follows/{id}', 'user', answers.followState, {
    put: { operation: 'follow', summary: 'Follow a person', act: follow, problems: [422] },
    delete: { operation: 'unfollow', summary: 'Follow a person no longer', act: unfollow, problems: [422] },
  }),
  ...pair('/api/posts/{id}/like', 'post', answers.likeState, {
    put: { operation: 'like', summary: 'Like a post', act: like },
    delete: { operation: 'unlike', summary: 'Like a post no longer', act: unlike },
  }),
]

interface Act {
  readonly operation: string
  readonly summary: string
  readonly problems?: readonly number[]
  readonly act: (system: Lightbox, userId: string, id: string) => Promise<unknown>
}

/** PUT makes it so, DELETE undoes it; both may be repeated. */
function pair(
  path: string,
  id: 'user' | 'post',
  answer: NonNullable<Route['answer']>,
  acts: Readonly<Record<'put' | 'delete', Act>>,
): Route[] {
  return (['put', 'delete'] as const).map((method) => {
    const { act, problems = [], ...words } = acts[method]
    return route({
      ...words,
      method,
      path,
      id,
      auth: true,
      status: 200,
      answer,
      problems,
      handle: (call) => act(call.system, call.userId, call.id),
    })
  })
}

/** As a cookie unless a client that keeps no cookies asks for the token. */
async function beginSession(
  system: Lightbox,
  request: Request,
  principal: string,
): Promise<{ token?: string }> {
  const bearer = request.headers.get('accept-token') === '1'
  const { token } = await system.sessions.begin({ principal, transport: bearer ? 'bearer' : 'cookie' })
  return bearer ? { token } : {}
}

const publicPage = ({ posts, next }: PageOf<PostCard>): PageOf<Post> => ({
  posts: posts.map(({ author: _, liked: __, ...post }) => post),
  next,
})
