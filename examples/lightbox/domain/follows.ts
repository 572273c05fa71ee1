import { isUserId } from './ids.ts'
import type { Lightbox } from './placing.ts'
import { notFound, selfFollow } from './problems.ts'

/*
 * A follow is written twice: with the follower ("whom do I follow") and with the person followed ("who follows
 * me"). These are two shards, hence two transactions. The first decides and counts the changes of the pair
 * (`version`). The second copies state and version, unless it has seen a later one: whatever order two copies
 * arrive in, both shards end in the state of the highest version, and the counts follow the rows.
 *
 * When the process dies between the two, the front door sends the request again and the first write replays.
 * A client that gives up leaves the second behind until the pair changes again or the PUT is repeated.
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
  const followers = await copyFollow(system, followerId, followeeId, decided)
  return { id: followeeId, following: active, followers }
}

/** People are never removed, so this may be asked ahead of the writes. */
async function mustExist(system: Lightbox, userId: string): Promise<void> {
  const found = isUserId(userId)
    ? await system.shard.user(userId).read((db) => db.query('select 1 from users where id = $1', [userId]))
    : []
  if (found.length === 0) throw notFound('person')
}

/** What the follower's shard says of a pair. */
export interface Decided {
  active: boolean
  /** 0 when the two never had to do with each other. */
  version: number
}

const FOLLOW = `insert into following as f (follower_id, followee_id, active, version) values ($1, $2, true, 1)
on conflict (follower_id, followee_id) do update
  set active = true, version = f.version + 1, changed_at = now() where not f.active
returning active, version`

const UNFOLLOW = `update following set active = false, version = version + 1, changed_at = now()
where follower_id = $1 and followee_id = $2 and active returning active, version`

const DECIDED = 'select active, version from following where follower_id = $1 and followee_id = $2'

/** In the follower's shard. When nothing changes, the state as it is goes to the other shard once more. */
function decide(system: Lightbox, followerId: string, followeeId: string, active: boolean): Promise<Decided> {
  return system.shard.user(followerId).write(active ? 'follow' : 'unfollow', async (tx) => {
    const pair = [followerId, followeeId]
    const [changed] = await tx.query<Decided>(active ? FOLLOW : UNFOLLOW, pair)
    if (!changed) return (await tx.query<Decided>(DECIDED, pair))[0] ?? { active: false, version: 0 }
    const count = 'update users set following_count = following_count + $2 where id = $1'
    await tx.query(count, [followerId, active ? 1 : -1])
    return changed
  })
}

const COPY = `insert into followers (followee_id, follower_id, active, version) values ($1, $2, $3, $4)
on conflict (followee_id, follower_id) do update
  set active = excluded.active, version = excluded.version, changed_at = now()`

/** In the shard of the person followed. Their row is locked first: all copies to it come one by one. */
export function copyFollow(
  system: Lightbox,
  followerId: string,
  followeeId: string,
  decided: Decided,
): Promise<number> {
  return system.shard.user(followeeId).write('copy follow', async (tx) => {
    const lock = 'select follower_count from users where id = $1 for update'
    const [followee] = await tx.query<{ follower_count: number }>(lock, [followeeId])
    if (!followee) throw notFound('person')
    const held = 'select active, version from followers where followee_id = $1 and follower_id = $2'
    const [before] = await tx.query<Decided>(held, [followeeId, followerId])
    if (decided.version <= (before?.version ?? 0)) return followee.follower_count
    await tx.query(COPY, [followeeId, followerId, decided.active, decided.version])
    const step = Number(decided.active) - Number(before?.active ?? false)
    if (step !== 0) {
      const count = 'update users set follower_count = follower_count + $2 where id = $1'
      await tx.query(count, [followeeId, step])
    }
    return followee.follower_count + step
  })
}
