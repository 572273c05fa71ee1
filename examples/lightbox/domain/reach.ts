import { z } from 'zod'
import { t } from './placing.ts'
import type { Reach } from './tables.ts'
import { celebrityFollowers } from './threshold.ts'
import { walkFollowers } from './walk.ts'

/*
 * Most posts are fanned out: a job writes an entry into the feed of every follower. For somebody with very many
 * followers that is more work than anyone's reading is worth, so the posts of a celebrity have no entries and are
 * merged in when a feed is read. Whose posts to look for, a reader's own shard knows: `following.on_read`.
 *
 *              ≥ threshold              every follower knows
 *   ordinary ──────────────▶ rising ──────────────────────────▶ celebrity ◀─────────┐
 *                              │                                    │ < threshold   │ ≥ threshold
 *                              └── but < threshold again ──▶ former ◀┘──────────────┘
 *
 * A post is of one kind for ever: its author's row says of which at the moment when it is written, and only
 * `celebrity` makes it one without entries. That state is entered when the flag is set with all followers, and the
 * flag stays: so nothing is lost or comes twice on the way up or down. Who follows somebody that is not `ordinary`
 * gets the flag with the follow.
 */

/** What becomes of a person when the number of their followers has changed. */
export function reachWith(reach: Reach, followers: number, threshold = celebrityFollowers()): Reach {
  const many = followers >= threshold
  const next: Readonly<Record<Reach, Reach>> = {
    ordinary: many ? 'rising' : 'ordinary',
    rising: 'rising',
    celebrity: many ? 'celebrity' : 'former',
    former: many ? 'celebrity' : 'former',
  }
  return next[reach]
}

/** What a rising person becomes once all their followers know. */
const risenTo = (followers: number): Reach => (followers >= celebrityFollowers() ? 'celebrity' : 'former')

const FLAG = `update following set on_read = true
where follower_id = any($1::bigint[]) and followee_id = $2 and not on_read`

/** Tells all followers of a rising person to look for posts on read. */
export const announceCelebrity = t.job('announceCelebrity', {
  input: z.object({ personId: z.string() }),
  timeout: '15m',
  run: async (job, system) => {
    const { personId } = job.input
    await walkFollowers(system, job, personId, (tx, readers) => tx.query(FLAG, [readers, personId]))
    await job.write('risen', async (tx) => {
      const lock = `select follower_count from users where id = $1 and reach = 'rising' for update`
      const [person] = await tx.query<{ follower_count: number }>(lock, [personId])
      if (!person) return
      await tx.query('update users set reach = $2 where id = $1', [personId, risenTo(person.follower_count)])
    })
  },
})
