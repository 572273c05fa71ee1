import { isPostId } from './ids.ts'
import { postKey } from './keys.ts'
import type { Lightbox } from './placing.ts'
import { notFound } from './problems.ts'

/** Whether the person likes the post now, and how many do. */
export interface LikeState {
  id: string
  liked: boolean
  likes: number
}

// The row and its count in one statement: the count follows only a row that was really added or removed.
const LIKE = `with added as (
  insert into post_likes (author_id, post_id, liker_id) select author_id, id, $2 from posts where id = $1
  on conflict do nothing returning author_id, post_id)
update posts set likes = likes + 1 from added
where posts.author_id = added.author_id and posts.id = added.post_id returning likes`

const UNLIKE = `with removed as (
  delete from post_likes using posts
  where posts.id = $1 and post_likes.author_id = posts.author_id and post_id = posts.id and liker_id = $2
  returning post_likes.author_id, post_id)
update posts set likes = likes - 1 from removed
where posts.author_id = removed.author_id and posts.id = removed.post_id returning likes`

/** Liking twice is liking once. @throws Problem `not-found` */
export const like = (system: Lightbox, userId: string, postId: string): Promise<LikeState> =>
  change(system, userId, postId, true)

/** @throws Problem `not-found` */
export const unlike = (system: Lightbox, userId: string, postId: string): Promise<LikeState> =>
  change(system, userId, postId, false)

/** A like is placed with the post's author, whose shard the post's id tells. */
async function change(system: Lightbox, userId: string, postId: string, liked: boolean): Promise<LikeState> {
  if (!isPostId(postId)) throw notFound('post')
  const likes = await system.shard.user.ofId(postId).write(liked ? 'like' : 'unlike', async (tx) => {
    const changed = await tx.query<{ likes: number }>(liked ? LIKE : UNLIKE, [postId, userId])
    if (changed[0]) {
      tx.invalidate(postKey(postId))
      return changed[0].likes
    }
    const post = await tx.query<{ likes: number }>('select likes from posts where id = $1', [postId])
    return post[0]?.likes ?? null
  })
  if (likes === null) throw notFound('post')
  return { id: postId, liked, likes }
}
