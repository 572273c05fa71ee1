import { z } from 'zod'
import { personKey } from './keys.ts'
import { type Lightbox, t } from './placing.ts'
import { notFound } from './problems.ts'
import { announceCelebrity, reachWith } from './reach.ts'
import type { Reach } from './tables.ts'

/*
 * The second half of a follow, in the shard of the person followed; see follows.ts for the first. It comes from the
 * request at once and from a job that the first half enqueued: when the request ends in between, the job has it all.
 */

/** What the follower's shard says of a pair. */
export interface Decided {
  active: boolean
  /** 0 when the two never had to do with each other. */
  version: number
}

interface Copied {
  followers: number
  /** For the follower's feed: the newest posts that have entries. */
  posts: string[]
  /** Whether the follower has to look for posts on read. */
  onRead: boolean
}

/** Posts that come into a feed with a follow. */
export const BACKFILL_POSTS = 20

const COPY = `insert into followers (followee_id, follower_id, active, version) values ($1, $2, $3, $4)
on conflict (followee_id, follower_id) do update
  set active = excluded.active, version = excluded.version, changed_at = now()`

const NEWEST = `select id from posts where author_id = $1 and not on_read order by id desc limit ${BACKFILL_POSTS}`

/**
 * Takes over what was decided unless a later decision has been. The row of the person followed is locked first, as
 * it is for each new post: a post is among those found here, or else its fan-out finds the follower.
 */
export function copyFollow(
  system: Lightbox,
  followerId: string,
  followeeId: string,
  decided: Decided,
): Promise<Copied> {
  return system.shard.user(followeeId).write('copy follow', async (tx) => {
    const lock = 'select follower_count as followers, reach from users where id = $1 for update'
    const [followee] = await tx.query<{ followers: number; reach: Reach }>(lock, [followeeId])
    if (!followee) throw notFound('person')
    const held = 'select active, version from followers where followee_id = $1 and follower_id = $2'
    const [before] = await tx.query<Decided>(held, [followeeId, followerId])
    const isNews = decided.version > (before?.version ?? 0)
    if (isNews) await tx.query(COPY, [followeeId, followerId, decided.active, decided.version])
    const step = isNews ? Number(decided.active) - Number(before?.active ?? false) : 0
    const followers = followee.followers + step
    const reach = step === 0 ? followee.reach : reachWith(followee.reach, followers)
    if (step !== 0) {
      await tx.query('update users set follower_count = $2, reach = $3 where id = $1', [
        followeeId,
        followers,
        reach,
      ])
      tx.invalidate(personKey(followeeId))
    }
    if (reach === 'rising' && followee.reach !== 'rising')
      tx.enqueue(announceCelebrity, { personId: followeeId })
    const posts = decided.active ? await tx.query<{ id: string }>(NEWEST, [followeeId]) : []
    return { followers, posts: posts.map(({ id }) => id), onRead: reach !== 'ordinary' }
  })
}

const LOOK_ON_READ = `update following set on_read = true
where follower_id = $1 and followee_id = $2 and active and not on_read`

const BACKFILL = `insert into feed_entries (reader_id, post_id, author_id)
select follower_id, post, followee_id from following, unnest($3::uuid[]) as post
where follower_id = $1 and followee_id = $2 and active on conflict do nothing`

/** Sees to it that both shards agree on a pair, and that the follower's feed has posts of the person followed. */
export const settleFollow = t.job('settleFollow', {
  input: z.object({
    followerId: z.string(),
    followeeId: z.string(),
    active: z.boolean(),
    version: z.int(),
  }),
  run: async (job, system) => {
    const { followerId, followeeId, ...decided } = job.input
    const { posts, onRead } = await copyFollow(system, followerId, followeeId, decided)
    if (!decided.active) return
    await job.write('backfill', async (tx) => {
      const pair = [followerId, followeeId]
      if (onRead) await tx.query(LOOK_ON_READ, pair)
      if (posts.length > 0) await tx.query(BACKFILL, [...pair, posts])
    })
  },
})
