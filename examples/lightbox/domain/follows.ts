import { authorOf } from './cards.ts'
import { copyFollow, type Decided, settleFollow } from './follow-copy.ts'
import { isUserId } from './ids.ts'
import { personKey } from './keys.ts'
import type { Lightbox } from './placing.ts'
import { notFound, selfFollow } from './problems.ts'

/*
 * A follow is written twice: with the follower ("whom do I follow") and with the person followed ("who follows
 * me"). These are two shards, hence two transactions. The first decides and counts the changes of the pair
 * (`version`). The second copies state and version, unless it has seen a later one: whatever order two copies
 * arrive in, both shards end in the state of the highest version, and the counts follow the rows.
 *
 * The request does the second at once, so that counts are fresh in the answer. Should it end in between, a job does
 * it, which the first has enqueued. The job also fills the follower's feed.
 */

/** How the viewer and another person stand. */
export interface Relationship {
  id: string
  following: boolean
  followedBy: boolean
}

export interface FollowState {
  id: string
  following: boolean
  /** How many follow this person now. */
  followers: number
}

/** Following twice is following once. @throws Problem `not-found`, `self-follow` */
export const follow = (system: Lightbox, followerId: string, followeeId: string): Promise<FollowState> =>
  change(system, followerId, followeeId, true)

/** @throws Problem `not-found`, `self-follow` */
export const unfollow = (system: Lightbox, followerId: string, followeeId: string): Promise<FollowState> =>
  change(system, followerId, followeeId, false)

/** Both rows are in the viewer's shard. */
export async function relationship(
  system: Lightbox,
  viewerId: string,
  otherId: string,
): Promise<Relationship> {
  if (!isUserId(otherId)) return { id: otherId, following: false, followedBy: false }
  const [row] = await system.shard.user(viewerId).read((db) =>
    db.query<{ following: boolean; followed_by: boolean }>(
      `select exists (select from following where follower_id = $1 and followee_id = $2 and active) as following,
        exists (select from followers where followee_id = $1 and follower_id = $2 and active) as followed_by`,
      [viewerId, otherId],
    ),
  )
  return { id: otherId, following: row?.following ?? false, followedBy: row?.followed_by ?? false }
}

async function change(
  system: Lightbox,
  followerId: string,
  followeeId: string,
  active: boolean,
): Promise<FollowState> {
  if (followerId === followeeId) throw selfFollow()
  await mustExist(system, followeeId)
  const decided = await decide(system, followerId, followeeId, active)
  const { followers } = await copyFollow(system, followerId, followeeId, decided)
  return { id: followeeId, following: active, followers }
}

/** People are never removed, so this may be asked ahead of the writes. */
async function mustExist(system: Lightbox, userId: string): Promise<void> {
  if (!isUserId(userId) || (await authorOf(system, userId)) === null) throw notFound('person')
}

const FOLLOW = `insert into following as f (follower_id, followee_id, active, version) values ($1, $2, true, 1)
on conflict (follower_id, followee_id) do update
  set active = true, version = f.version + 1, changed_at = now() where not f.active
returning active, version`

const UNFOLLOW = `update following set active = false, version = version + 1, changed_at = now()
where follower_id = $1 and followee_id = $2 and active returning active, version`

/** What still arrives from a fan-out under way is hidden by the state of the pair. */
const FORGET = 'delete from feed_entries where reader_id = $1 and author_id = $2'

const DECIDED = 'select active, version from following where follower_id = $1 and followee_id = $2'

/** In the follower's shard. When nothing changes, the state as it is goes to the other shard once more. */
function decide(system: Lightbox, followerId: string, followeeId: string, active: boolean): Promise<Decided> {
  return system.shard.user(followerId).write(active ? 'follow' : 'unfollow', async (tx) => {
    const pair = [followerId, followeeId]
    const [changed] = await tx.query<Decided>(active ? FOLLOW : UNFOLLOW, pair)
    if (!changed) return (await tx.query<Decided>(DECIDED, pair))[0] ?? { active: false, version: 0 }
    const count = 'update users set following_count = following_count + $2 where id = $1'
    await tx.query(count, [followerId, active ? 1 : -1])
    if (!active) await tx.query(FORGET, pair)
    tx.invalidate(personKey(followerId))
    tx.enqueue(settleFollow, { followerId, followeeId, ...changed })
    return changed
  })
}
