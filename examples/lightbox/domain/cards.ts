import { authorKey, postKey } from './keys.ts'
import type { Photo } from './photos/photo.ts'
import { photosOf } from './photos/read.ts'
import type { Lightbox } from './placing.ts'

export interface Post {
  /** A UUIDv7: ids are ordered by time. */
  id: string
  authorId: string
  text: string
  photo: Photo | null
  likes: number
  /** ISO 8601, UTC. */
  createdAt: string
}

/** What stands beside a post about its author. */
export interface Author {
  id: string
  handle: string
  firstName: string
  lastName: string
}

/** A post with what a page shows beside it. */
export interface PostCard extends Post {
  author: Author
  /** Whether the viewer likes it; false without one. */
  liked: boolean
}

/** A post as the cache keeps it: the photo changes apart from it. */
interface KeptPost extends Omit<Post, 'photo'> {
  photoId: string | null
}

const TTL = { ttl: '10m' } as const

interface PostRow {
  id: string
  author_id: string
  text: string
  likes: number
  photo_id: string | null
  created_at: Date
}

const POST = 'select id, author_id::text, text, likes, photo_id, created_at from posts where id = $1'

/** `id` has the form of a post's id. */
function postOf(system: Lightbox, id: string): Promise<KeptPost | null> {
  return system.shard.user.ofId(id).cached(postKey(id), TTL, async (db): Promise<KeptPost | null> => {
    const [row] = await db.query<PostRow>(POST, [id])
    return row ? keptPost(row) : null
  })
}

const keptPost = ({ id, author_id, text, likes, photo_id, created_at }: PostRow): KeptPost => ({
  id,
  authorId: author_id,
  text,
  photoId: photo_id,
  likes,
  createdAt: created_at.toISOString(),
})

const AUTHOR = `select id::text, handle, first_name as "firstName", last_name as "lastName" from users where id = $1`

/** From the cache; `id` has the form of a person's id. */
export function authorOf(system: Lightbox, id: string): Promise<Author | null> {
  return system.shard.user(id).cached(authorKey(id), TTL, async (db) => {
    const [author] = await db.query<Author>(AUTHOR, [id])
    return author ?? null
  })
}

/** Posts as pages show them to `viewerId`, in the order of `ids`. Posts and people come from the cache. */
export async function cardsOf(
  system: Lightbox,
  ids: readonly string[],
  viewerId: string | null | undefined,
): Promise<PostCard[]> {
  const found = await Promise.all(ids.map((id) => postOf(system, id)))
  const posts = found.filter((post) => post !== null)
  const [authors, photos, liked] = await Promise.all([
    authorsOf(system, posts),
    photosOf(
      system,
      posts.flatMap(({ photoId }) => photoId ?? []),
    ),
    viewerId ? likedBy(system, viewerId, posts) : new Set<string>(),
  ])
  return posts.flatMap(({ photoId, ...post }) => {
    const author = authors.get(post.authorId)
    const photo = (photoId && photos.get(photoId)) || null
    return author ? { ...post, photo, author, liked: liked.has(post.id) } : []
  })
}

async function authorsOf(system: Lightbox, posts: readonly KeptPost[]): Promise<ReadonlyMap<string, Author>> {
  const ids = [...new Set(posts.map(({ authorId }) => authorId))]
  const authors = await Promise.all(ids.map((id) => authorOf(system, id)))
  return new Map(authors.filter((author) => author !== null).map((author) => [author.id, author]))
}

const LIKED = `select post_id from post_likes
where author_id = any($1::bigint[]) and post_id = any($2::uuid[]) and liker_id = $3`

/** Which of these posts a person likes: a like is placed with the author, so one statement for each cluster. */
async function likedBy(
  system: Lightbox,
  viewerId: string,
  posts: readonly KeptPost[],
): Promise<ReadonlySet<string>> {
  const authors = [...new Set(posts.map(({ authorId }) => authorId))]
  const ids = posts.map(({ id }) => id)
  const found = await system.shard.user.many(authors, (db, some) =>
    db.query<{ post_id: string }>(LIKED, [some, ids, viewerId]),
  )
  return new Set(found.flat().map(({ post_id }) => post_id))
}
