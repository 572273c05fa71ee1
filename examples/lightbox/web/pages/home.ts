import { whichFollowed } from '../../domain/followed.ts'
import { newestPeople, readFeed, recentPosts } from '../../domain/index.ts'
import { show } from '../respond.ts'
import type { ComposerState } from '../views/composer.ts'
import { homePage, newPage } from '../views/home.ts'
import type { FollowView } from '../views/person.ts'
import type { Call, Handler } from './call.ts'

const PEOPLE_SHOWN = 5
/** More are read than shown: some of them are followed already. */
const PEOPLE_READ = 25

export const home: Handler = (call) => showHome(call)

/** `/new`: what everyone posts. */
export const showNew: Handler = async (call) => {
  const { system, visit } = call
  const before = call.query('before')
  const viewerId = visit.me?.id ?? null
  const [posts, people] = await Promise.all([recentPosts(system, { before, viewerId }), peopleFor(call)])
  return show(visit, newPage(visit, { posts, people, isFirst: before === undefined }))
}

/** A member's feed; for others, and while the feed is empty, what everyone posts. */
export async function showHome(
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
