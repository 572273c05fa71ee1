import {
  follow,
  getPerson,
  getPersonByHandle,
  isUserId,
  listPosts,
  Problem,
  relationship,
  unfollow,
} from '../../domain/index.ts'
import { readForm } from '../form.ts'
import { localPath, paths } from '../paths.ts'
import { seeOther, show, showParts, wantsParts } from '../respond.ts'
import { followButton, followerCount } from '../views/person.ts'
import { profilePage } from '../views/profile.ts'
import { forMembers, type Handler, type MemberCall } from './call.ts'

/** `/@handle`. */
export const profile: Handler = async ({ system, visit, param, query }) => {
  const handle = param('at').slice(1)
  const person = await getPersonByHandle(system, handle)
  if (person.handle !== handle) return moved(paths.person(person.handle))
  const before = query('before')
  const viewerId = visit.me?.id ?? null
  const [posts, relation] = await Promise.all([
    listPosts(system, person.id, { before, viewerId }),
    viewerId && viewerId !== person.id ? relationship(system, viewerId, person.id) : null,
  ])
  const view = {
    person,
    posts,
    following: relation?.following ?? false,
    followedBy: relation?.followedBy ?? false,
    isFirst: before === undefined,
  }
  return show(visit, profilePage(visit, view))
}

/** An id leads to the page of its handle. */
export const personById: Handler = async ({ system, param }) => {
  const id = param('id')
  if (!isUserId(id)) throw new Problem('not-found', 404, 'There is no such person.')
  return moved(paths.person((await getPerson(system, id)).handle))
}

export const followPerson: Handler = forMembers((call) => change(call, true))
export const unfollowPerson: Handler = forMembers((call) => change(call, false))

async function change(call: MemberCall, following: boolean): Promise<Response> {
  const { system, request, me, visit } = call
  const form = await readForm(request)
  const back = localPath(form.text('back'), paths.home)
  const state = await (following ? follow : unfollow)(system, me.id, call.param('id'))
  if (!wantsParts(request)) return seeOther(back)
  const person = await getPerson(system, state.id)
  const shown = { ...visit, here: back }
  const button = followButton(shown, { person, following: state.following })
  return showParts([button, followerCount(shown, state.id, state.followers)])
}

/** For now: a person may get another handle one day. */
const moved = (location: string): Response =>
  new Response(null, { status: 302, headers: { location, 'cache-control': 'no-store' } })
