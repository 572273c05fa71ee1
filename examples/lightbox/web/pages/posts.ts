import { getPost, like, unlike } from '../../domain/index.ts'
import { readForm } from '../form.ts'
import { localPath, paths } from '../paths.ts'
import { seeOther, show, showParts, wantsParts } from '../respond.ts'
import { likeButton } from '../views/post.ts'
import { postPage } from '../views/single.ts'
import { forMembers, type Handler, type MemberCall } from './call.ts'

/** `/posts/:id`. */
export const post: Handler = async ({ system, visit, param }) =>
  show(visit, postPage(visit, await getPost(system, param('id'), visit.me?.id ?? null)))

export const likePost: Handler = forMembers((call) => change(call, true))
export const unlikePost: Handler = forMembers((call) => change(call, false))

async function change(call: MemberCall, liked: boolean): Promise<Response> {
  const { system, request, me, visit } = call
  const form = await readForm(request)
  const id = call.param('id')
  const back = localPath(form.text('back'), paths.post(id))
  const state = await (liked ? like : unlike)(system, me.id, id)
  if (!wantsParts(request)) return seeOther(back)
  const card = await getPost(system, id, me.id)
  return showParts([likeButton({ ...visit, here: back }, { ...card, ...state })])
}
