import { authorKey, postKey } from './keys.ts'
import type { Lightbox } from './placing.ts'

export interface Post {
  /** A UUIDv7: ids are ordered by time. */
  id: string
  authorId: string
  text: string
  /** Photos are not there yet. */
  photo: null
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

const TTL = { ttl: '10m' } as const

interface PostRow {
  id: string
  author_id: string
  text: string
  likes: number
  created_at: Date
}

const POST = 'select id, author_id::text, text, likes, created_at from posts where id = $1'

/** `id` has the form of a post's id. */
function postOf(system: Lightbox, id: string): Promise<Post | null> {
  return system.shard.user.ofId(id).cached(postKey(id), TTL, async (db): Promise<Post | null> => {
    const [row] = await db.query<PostRow>(POST, [id])
    return row ? publicPost(row) : null
  })
}

const publicPost = ({ id, author_id, text, likes, created_at }: PostRow): Post => ({
  id,
  authorId: author_id,
  text,
  photo: null,
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
  const [authors, liked] = await Promise.all([
    authorsOf(system, posts),
    viewerId ? likedBy(system, viewerId, posts) : new Set<string>(),
  ])
  return posts.flatMap((post) => {
    const author = authors.get(post.authorId)
    return author ? { ...post, author, liked: liked.has(post.id) } : []
  })
}

async function authorsOf(system: Lightbox, posts: readonly Post[]): Promise<ReadonlyMap<string, Author>> {
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
  posts: readonly Post[],
): Promise<ReadonlySet<string>> {
  const authors = [...new Set(posts.map(({ authorId }) => authorId))]
  const ids = posts.map(({ id }) => id)
  const found = await system.shard.user.many(authors, (db, some) =>
    db.query<{ post_id: string }>(LIKED, [some, ids, viewerId]),
  )
  return new Set(found.flat().map(({ post_id }) => post_id))
}
