import type { Generated } from 'kysely'
import { tenfold } from 'tenfold'

export interface Tables {
  posts: {
    author_id: string
    id: string
    text: string
    likes: Generated<number>
    created_at: Generated<Date>
  }
}

const t = tenfold<Tables>()({ keys: { user: { type: 'bigint', columns: { posts: 'author_id' } } } })

/** The smallest app in which a write can be measured: one table of one key space. */
export default t.app({
  name: 'bench',
  migrations: new URL('./migrations/', import.meta.url),
  fetch: () => () => new Response(null, { status: 204 }),
})
