import { type System, tenfold } from 'tenfold'
import type { Tables } from './tables.ts'

const placing = {
  keys: {
    user: {
      type: 'bigint',
      columns: {
        users: 'id',
        credentials: 'user_id',
        posts: 'author_id',
        photos: 'owner_id',
        post_likes: 'author_id',
        following: 'follower_id',
        followers: 'followee_id',
        feed_entries: 'reader_id',
      },
    },
    handle: { type: 'text', columns: { handles: 'handle' } },
  },
} as const

/** Where every table of Lightbox is placed. */
export const t = tenfold<Tables>()(placing)

/** What every function of the domain takes first. */
export type Lightbox = System<Tables, typeof placing>
