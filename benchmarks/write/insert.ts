import { randomUUID } from 'node:crypto'
import type { BenchSystem } from '../kit/embedded.ts'

export interface Post {
  readonly author: string
  readonly id: string
  readonly text: string
}

export type Insert = (post: Post) => Promise<unknown>

const SQL = 'insert into posts (author_id, id, text) values ($1, $2, $3)'

/** Ours, with the raw query as the peer has it. */
export const throughQuery =
  (system: BenchSystem): Insert =>
  ({ author, id, text }) =>
    system.shard.user(author).write('publish', async (tx) => {
      await tx.query(SQL, [author, id, text])
    })

/** Ours, as an app usually writes it: Kysely, and a result that the marker has to keep. */
export const throughKysely =
  (system: BenchSystem): Insert =>
  ({ author, id, text }) =>
    system.shard.user(author).write('publish', async (tx) => {
      await tx.db.insertInto('posts').values({ author_id: author, id, text }).execute()
      return { id }
    })

let drawn = 0

/** A new post of one of a thousand authors. */
export function nextPost(): Post {
  drawn += 1
  return {
    author: String(1 + (drawn % 1000)),
    id: randomUUID(),
    text: 'A post of ordinary length, as people write them on a phone.',
  }
}
