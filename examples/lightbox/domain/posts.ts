import type { Tx } from 'tenfold'
import { authorOf, cardsOf, type Post, type PostCard } from './cards.ts'
import { fanOutPost } from './fan-out.ts'
import { isPostId, isUserId, nextPostId, timeOf } from './ids.ts'
import { personKey, postKey } from './keys.ts'
import { endOf, newestOf, PAGE_POSTS, type PageOf, type PageOptions, pageOf } from './pages.ts'
import { type NewPhoto, photoFor, photosOf } from './photos/index.ts'
import type { Lightbox } from './placing.ts'
import { notFound } from './problems.ts'

/**
 * `authorId` is the person logged in. `photo` is the id of one of their photos, or a new one, which is then
 * recorded with the post. Two calls with the same `draft` are one post. @throws Problem `no-such-photo`, `photo-failed`
 */
export async function createPost(
  system: Lightbox,
  authorId: string,
  text: string,
  photo: string | NewPhoto | null = null,
  draft: string | null = null,
): Promise<Post> {
  const created = await system.shard.user(authorId).write('create post', async (tx) => {
    const before = draft === null ? undefined : await drafted(tx, authorId, draft)
    if (before) return before
    const id = nextPostId(system, authorId)
    const createdAt = timeOf(id)
    const author = await tx.db
      .updateTable('users')
      .set((users) => ({ post_count: users('post_count', '+', 1) }))
      .where('id', '=', authorId)
      .returning(['follower_count', 'reach'])
      .executeTakeFirst()
    if (!author) throw notFound('person')
    // The author's row is locked now: nobody can become a follower, nor the author a celebrity, in between.
    const on_read = author.reach === 'celebrity'
    const photoId = await photoFor(system, tx, authorId, photo)
    const row = { id, author_id: authorId, text, created_at: createdAt, on_read, photo_id: photoId, draft }
    await tx.db.insertInto('posts').values(row).execute()
    tx.invalidate(personKey(authorId), postKey(id))
    if (!on_read && author.follower_count > 0) tx.enqueue(fanOutPost, { postId: id, authorId })
    return { id, authorId, text, photoId, likes: 0, createdAt: createdAt.toISOString() }
  })
  const { photoId, ...post } = created
  const photos = photoId === null ? null : await photosOf(system, [photoId])
  return { ...post, photo: photos?.get(photoId ?? '') ?? null }
}

const DRAFTED = `select id, text, photo_id as "photoId", likes, created_at as "createdAt"
from posts where author_id = $1 and draft = $2`

interface Drafted {
  id: string
  text: string
  photoId: string | null
  likes: number
  createdAt: Date
}

/** The post that was made of this draft. Locks the author's row, so that of two calls one waits for the other. */
async function drafted(tx: Pick<Tx<unknown>, 'query'>, authorId: string, draft: string) {
  await tx.query('select from users where id = $1 for update', [authorId])
  const [post] = await tx.query<Drafted>(DRAFTED, [authorId, draft])
  return post && { ...post, authorId, createdAt: post.createdAt.toISOString() }
}

/** @throws Problem `not-found` */
export async function getPost(system: Lightbox, id: string, viewerId?: string | null): Promise<PostCard> {
  const [card] = isPostId(id) ? await cardsOf(system, [id], viewerId) : []
  if (!card) throw notFound('post')
  return card
}

const BY_AUTHOR = 'select id from posts where author_id = $1 and id < $2 order by id desc limit $3'

/** A person's posts, newest first. @throws Problem `not-found`, `bad-cursor` */
export async function listPosts(
  system: Lightbox,
  authorId: string,
  options: PageOptions = {},
): Promise<PageOf<PostCard>> {
  if (!isUserId(authorId)) throw notFound('person')
  const { before, limit = PAGE_POSTS } = options
  const values = [authorId, endOf(before), limit + 1]
  const found = await system.shard.user(authorId).read((db) => db.query<{ id: string }>(BY_AUTHOR, values))
  if (found.length === 0 && (await authorOf(system, authorId)) === null) throw notFound('person')
  return pageOf(system, newestOf([found], options), options)
}

const OF_ALL = 'select id from posts where id < $1 order by id desc limit $2'

/** Everyone's posts, newest first: the newest of every cluster, merged. @throws Problem `bad-cursor` */
export async function recentPosts(system: Lightbox, options: PageOptions = {}): Promise<PageOf<PostCard>> {
  const { before, limit = PAGE_POSTS } = options
  const values = [endOf(before), limit + 1]
  const found = await system.shards.read((db) => db.query<{ id: string }>(OF_ALL, values))
  return pageOf(system, newestOf(found, options), options)
}
