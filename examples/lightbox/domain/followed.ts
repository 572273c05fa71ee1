import type { Lightbox } from './placing.ts'

/** Which of these people the viewer follows: one statement in the viewer's shard. */
export async function whichFollowed(
  system: Lightbox,
  viewerId: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set()
  const rows = await system.shard
    .user(viewerId)
    .read((db) =>
      db
        .selectFrom('following')
        .select('followee_id')
        .where('follower_id', '=', viewerId)
        .where('active', '=', true)
        .where('followee_id', 'in', ids)
        .execute(),
    )
  return new Set(rows.map((row) => row.followee_id))
}
