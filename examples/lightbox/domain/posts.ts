import { cursorOf, postIdOf } from './cursor.ts'
import { isPostId, isUserId, nextPostId, timeOf } from './ids.ts'
import type { Lightbox } from './placing.ts'
import { notFound } from './problems.ts'

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

/** A post with what a page shows beside it. */
export interface PostCard extends Post {
  author: { id: string; handle: string; firstName: string; lastName: string }
  /** Whether the viewer likes it; false without one. */
  liked: boolean
}

export interface PageOf<T> {
  /** Newest first. */
  posts: T[]
  /** The cursor of the next, older page; null at the end. */
  next: string | null
}

export interface PageOptions {
  /** `next` of the page before. */
  readonly before?: string | undefined
  /** @defaultValue 20 */
  readonly limit?: number
  readonly viewerId?: string | null
}

const PAGE_POSTS = 20

/** `authorId` is the person logged in. */
export async function createPost(system: Lightbox, authorId: string, text: string): Promise<Post> {
  return system.shard.user(authorId).write('create post', async (tx) => {
    const id = nextPostId(system, authorId)
    const createdAt = timeOf(id)
    const author = await tx.db
      .updateTable('users')
      .set((users) => ({ post_count: users('post_count', '+', 1) }))
      .where('id', '=', authorId)
      .executeTakeFirst()
    if (author.numUpdatedRows === 0n) throw notFound('person')
    await tx.db.insertInto('posts').values({ id, author_id: authorId, text, created_at: createdAt }).execute()
    return { id, authorId, text, photo: null, likes: 0, createdAt: createdAt.toISOString() }
  })
}

/** @throws Problem `not-found` */
export async function getPost(system: Lightbox, id: string, viewerId?: string | null): Promise<PostCard> {
  if (!isPostId(id)) throw notFound('post')
  const rows = await system.shard.user
    .ofId(id)
    .read((db) => db.query<Row>(`${CARDS} where posts.id = $2`, [viewerId ?? null, id]))
  if (!rows[0]) throw notFound('post')
  return cardOf(rows[0])
}

/** A person's posts, newest first. @throws Problem `not-found`, `bad-cursor` */
export async function listPosts(
  system: Lightbox,
  authorId: string,
  { before, limit = PAGE_POSTS, viewerId }: PageOptions = {},
): Promise<PageOf<PostCard>> {
  if (!isUserId(authorId)) throw notFound('person')
  const below = before === undefined ? LAST : postIdOf(before)
  const rows = await system.shard.user(authorId).read(async (db) => {
    const sql = `${CARDS} where author_id = $2 and posts.id < $3 order by posts.id desc limit $4`
    const found = await db.query<Row>(sql, [viewerId ?? null, authorId, below, limit + 1])
    if (found.length > 0) return found
    const author = await db.query('select 1 from users where id = $1', [authorId])
    if (author.length === 0) throw notFound('person')
    return found
  })
  return pageOf(rows, limit)
}

/** Everyone's posts, newest first: the newest of every cluster, merged. @throws Problem `bad-cursor` */
export async function recentPosts(
  system: Lightbox,
  { before, limit = PAGE_POSTS, viewerId }: PageOptions = {},
): Promise<PageOf<PostCard>> {
  const below = before === undefined ? LAST : postIdOf(before)
  const sql = `${CARDS} where posts.id < $2 order by posts.id desc limit $3`
  const found = await system.shards.read((db) => db.query<Row>(sql, [viewerId ?? null, below, limit + 1]))
  return pageOf(
    found.flat().toSorted((a, b) => (a.id < b.id ? 1 : -1)),
    limit,
  )
}

// Above every UUIDv7, so that the first page needs no statement of its own.
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

// A post, its author and its likes are in one bucket: a join within a cluster is whole.
const CARDS = `select posts.id, author_id::text, text, likes, posts.created_at, handle, first_name, last_name,
  exists (select from post_likes l
    where l.author_id = posts.author_id and l.post_id = posts.id and l.liker_id = $1::bigint) as liked
from posts join users on users.id = author_id`

interface Row {
  id: string
  author_id: string
  text: string
  likes: number
  created_at: Date
  handle: string
  first_name: string
  last_name: string
  liked: boolean
}

function cardOf(row: Row): PostCard {
  return {
    id: row.id,
    authorId: row.author_id,
    text: row.text,
    photo: null,
    likes: row.likes,
    createdAt: row.created_at.toISOString(),
    author: {
      id: row.author_id,
      handle: row.handle,
      firstName: row.first_name,
      lastName: row.last_name,
    },
    liked: row.liked,
  }
}

/** One row more than the page holds tells that there is a next one. */
function pageOf(rows: readonly Row[], limit: number): PageOf<PostCard> {
  const posts = rows.slice(0, limit).map(cardOf)
  const last = posts.at(-1)
  return { posts, next: last && rows.length > limit ? cursorOf(last.id) : null }
}
