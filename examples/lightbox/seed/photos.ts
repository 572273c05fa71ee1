import { drawnAt, type Lightbox, nextPostId, paintPhoto, timeOf } from '../domain/index.ts'
import { pictures } from './pictures.ts'

/** The server is ready first; then the pictures are painted. */
const DELAY = '1s'

const INSERT = `insert into photos (owner_id, id, alt, edits, job_id, posted, created_at)
values ($1, $2, $3, '{}', $4, true, $5)`

/** Gives a member's posts their photos, which jobs paint later. */
export function seedPhotos(system: Lightbox, ownerId: string, handle: string): Promise<void> {
  return system.shard.user(ownerId).write(`seed photos ${handle}`, async (tx) => {
    const found = pictures[handle] ?? []
    if (found.length === 0) return
    const posts = await tx.query<{ id: string; photo_id: string | null }>(
      'select id, photo_id from posts where author_id = $1 order by id',
      [ownerId],
    )
    for (const [at, scene, alt] of found) {
      const post = posts[at]
      if (!post || post.photo_id !== null) continue
      const time = timeOf(post.id)
      const photoId = drawnAt(nextPostId(system, ownerId), time.getTime())
      const input = { ownerId, photoId, scene, seed: Number(ownerId) * 100 + at }
      const job = tx.enqueue(paintPhoto, input, { owner: ownerId, delay: DELAY })
      await tx.query(INSERT, [ownerId, photoId, alt, job, time])
      const show = 'update posts set photo_id = $3 where author_id = $1 and id = $2'
      await tx.query(show, [ownerId, post.id, photoId])
    }
  })
}
