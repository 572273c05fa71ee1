import type { PostCard } from './cards.ts'
import { endOf, newestOf, PAGE_POSTS, type PageOf, type PageOptions, pageOf } from './pages.ts'
import type { Lightbox } from './placing.ts'

/*
 * A feed has three parts: entries that were fanned out to the reader, the reader's own posts, and the posts of
 * celebrities. No post is in two of them.
 *
 * Pages go by the ids of posts, which are ordered by time, and a cursor is a post's id: whoever reads on sees every
 * post that was in the feed at the first page once, whatever is posted meanwhile. A post that arrives late, because
 * its fan-out is behind or its author has just been followed, has its place by its id: below the cursor it is met
 * on the way, above it with the next visit to the first page. What is no longer followed is gone from the next page on.
 */

interface Ref {
  id: string
}

// An entry counts only while the pair is active: what a fan-out delivers after an unfollow stays hidden.
const NEAR = `(select post_id as id from feed_entries e where reader_id = $1 and post_id < $2
  and exists (select from following f where f.follower_id = $1 and f.followee_id = e.author_id and f.active)
  order by post_id desc limit $3)
union all
(select id from posts where author_id = $1 and id < $2 order by id desc limit $3)`

const ON_READ = 'select followee_id::text as id from following where follower_id = $1 and on_read and active'

const CELEBRITIES = `select p.id from unnest($1::bigint[]) as author, lateral (
  select id from posts where author_id = author and on_read and id < $2 order by id desc limit $3) as p
order by p.id desc limit $3`

/** The posts of those whom a person follows, and their own, newest first. @throws Problem `bad-cursor` */
export async function readFeed(
  system: Lightbox,
  readerId: string,
  options: PageOptions = {},
): Promise<PageOf<PostCard>> {
  const { before, limit = PAGE_POSTS } = options
  const page = [endOf(before), limit + 1]
  const [near, authors] = await system.shard
    .user(readerId)
    .read((db) => Promise.all([db.query<Ref>(NEAR, [readerId, ...page]), db.query<Ref>(ON_READ, [readerId])]))
  const far = await system.shard.user.many(
    authors.map(({ id }) => id),
    (db, some) => db.query<Ref>(CELEBRITIES, [some, ...page]),
  )
  return pageOf(system, newestOf([near, ...far], options), options)
}
