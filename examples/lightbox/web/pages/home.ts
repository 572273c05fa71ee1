import { whichFollowed } from '../../domain/followed.ts'
import { createPost, newestPeople, readFeed, recentPosts } from '../../domain/index.ts'
import { newPostSchema } from '../../schemas/post.ts'
import { readForm } from '../form.ts'
import { paths } from '../paths.ts'
import { seeOther, show } from '../respond.ts'
import type { ComposerState } from '../views/composer.ts'
import { homePage, newPage } from '../views/home.ts'
import type { FollowView } from '../views/person.ts'
import { attempt } from './attempt.ts'
import type { Call, Handler } from './call.ts'
import { forMembers } from './call.ts'

const PEOPLE_SHOWN = 5
/** More are read than shown: some of them are followed already. */
const PEOPLE_READ = 25

export const home: Handler = (call) => showHome(call)

/** Sent twice under one key, it is one post: see the platform's hook for forms. */
export const publish: Handler = forMembers(async (call) => {
  const form = await readForm(call.request)
  const typed = form.text('text')
  const result = await attempt(newPostSchema, { text: typed }, ({ text }) =>
    createPost(call.system, call.me.id, text),
  )
  if (result.ok) return seeOther(paths.home, 'posted')
  const { status, headers, errors, again } = result
  const text = errors.text ? `A post ${errors.text}.` : (errors[''] ?? '')
  // When it may have been saved after all, the same key makes sure that it is saved once.
  const visit = again && form.key ? { ...call.visit, formKey: form.key } : call.visit
  return showHome({ ...call, visit }, { text: typed, error: text }, { status, headers })
})

/** `/new`: what everyone posts. */
export const showNew: Handler = async (call) => {
  const { system, visit } = call
  const before = call.query('before')
  const viewerId = visit.me?.id ?? null
  const [posts, people] = await Promise.all([recentPosts(system, { before, viewerId }), peopleFor(call)])
  return show(visit, newPage(visit, { posts, people, isFirst: before === undefined }))
}

/** A member's feed; for others, and while the feed is empty, what everyone posts. */
async function showHome(
  call: Call,
  draft?: ComposerState,
  options: Parameters<typeof show>[2] = {},
): Promise<Response> {
  const { system, visit } = call
  const before = draft ? undefined : call.query('before')
  const isFirst = before === undefined
  const viewerId = visit.me?.id ?? null
  const [posts, people] = await Promise.all([
    viewerId ? readFeed(system, viewerId, { before, viewerId }) : recentPosts(system, { before }),
    peopleFor(call),
  ])
  const isEmpty = viewerId !== null && isFirst && posts.posts.length === 0
  const others = isEmpty ? await recentPosts(system, { viewerId }) : undefined
  const view = { posts, people, isFirst, ...(others && { others }), ...(draft && { draft }) }
  return show(visit, homePage(visit, view), options)
}

/** New members; for a member those whom they do not follow yet. */
async function peopleFor({ system, visit }: Call): Promise<FollowView[]> {
  const people = await newestPeople(system, PEOPLE_READ)
  const { me } = visit
  const ids = people.map(({ id }) => id)
  const followed = me ? await whichFollowed(system, me.id, ids) : new Set<string>()
  return people
    .filter(({ id }) => id !== me?.id && !followed.has(id))
    .slice(0, PEOPLE_SHOWN)
    .map((person) => ({ person, following: false }))
}
