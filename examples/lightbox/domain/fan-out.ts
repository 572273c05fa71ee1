import { z } from 'zod'
import { t } from './placing.ts'
import { walkFollowers } from './walk.ts'

const DELIVER = `insert into feed_entries (reader_id, post_id, author_id)
select reader, $2::uuid, $3::bigint from unnest($1::bigint[]) as reader on conflict do nothing`

/**
 * Writes an entry for a new post into the feed of everyone who follows its author. Who begins to follow while it
 * runs gets the post with the follow (follow-copy.ts); an entry of somebody who stopped is not shown (feed.ts).
 */
export const fanOutPost = t.job('fanOutPost', {
  input: z.object({ postId: z.string(), authorId: z.string() }),
  timeout: '15m',
  run: async (job, system) => {
    const { postId, authorId } = job.input
    await walkFollowers(system, job, authorId, (tx, readers) =>
      tx.query(DELIVER, [readers, postId, authorId]),
    )
  },
})
