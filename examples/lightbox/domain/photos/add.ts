import type { Edits } from '../../schemas/photo.ts'
import { isPostId, nextPostId, timeOf } from '../ids.ts'
import { photoKey } from '../keys.ts'
import type { Lightbox } from '../placing.ts'
import { notFound, Problem } from '../problems.ts'
import { renderPhoto } from './jobs.ts'
import { detachRendered, originalName, type PhotoTx } from './keep.ts'
import type { PhotoStatus, StoredVariant } from './photo.ts'

/** An image that was received, and what to make of it. */
export interface NewPhoto {
  /** The blob of the bytes as they were sent. */
  readonly original: string
  readonly edits: Edits
  readonly alt: string
}

export interface Accepted {
  id: string
  status: PhotoStatus
}

const INSERT = `insert into photos (owner_id, id, alt, edits, original, job_id, posted, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)`

/** Row, blob and job in the one transaction: none of them is there without the others. @returns the photo's id */
export async function addPhoto(
  system: Lightbox,
  tx: PhotoTx,
  ownerId: string,
  { original, edits, alt }: NewPhoto,
  posted: boolean,
): Promise<string> {
  const id = nextPostId(system, ownerId)
  tx.attach(original, originalName(id))
  const job = tx.enqueue(renderPhoto, { ownerId, photoId: id, revision: 1 }, { owner: ownerId })
  tx.invalidate(photoKey(id))
  await tx.query(INSERT, [ownerId, id, alt, JSON.stringify(edits), original, job, posted, timeOf(id)])
  return id
}

// Also when it is posted already: the lock keeps it from being deleted meanwhile.
const POSTED = 'update photos set posted = true where owner_id = $1 and id = $2 returning status'

/** The id of the photo that a post of `ownerId` is to show. @throws Problem `no-such-photo`, `photo-failed` */
export async function photoFor(
  system: Lightbox,
  tx: PhotoTx,
  ownerId: string,
  photo: string | NewPhoto | null,
): Promise<string | null> {
  if (photo === null) return null
  if (typeof photo !== 'string') return addPhoto(system, tx, ownerId, photo, true)
  const missing = new Problem('no-such-photo', 422, 'You have no such photo.')
  if (!isPostId(photo)) throw missing
  const [row] = await tx.query<{ status: PhotoStatus }>(POSTED, [ownerId, photo])
  if (!row) throw missing
  if (row.status === 'failed') throw new Problem('photo-failed', 422, 'There is no picture of this photo.')
  // It is public from now on.
  tx.invalidate(photoKey(photo))
  return photo
}

/** `ownerId` is the person logged in. */
export const createPhoto = (system: Lightbox, ownerId: string, photo: NewPhoto): Promise<Accepted> =>
  system.shard.user(ownerId).write('create photo', async (tx) => ({
    id: await addPhoto(system, tx, ownerId, photo, false),
    status: 'processing' as const,
  }))

const EDIT = `update photos set edits = $3, revision = revision + 1, status = 'processing', reason = null
where owner_id = $1 and id = $2 and original is not null returning revision`

/** Makes the photo anew from what was sent; the old variants are shown until then. @throws Problem `not-found` */
export async function editPhoto(
  system: Lightbox,
  ownerId: string,
  id: string,
  edits: Edits,
): Promise<Accepted> {
  const found = await system.shard.user(ownerId).write('edit photo', async (tx) => {
    const [row] = await tx.query<{ revision: number }>(EDIT, [ownerId, id, JSON.stringify(edits)])
    if (!row) return false
    const input = { ownerId, photoId: id, revision: row.revision }
    const job = tx.enqueue(renderPhoto, input, { owner: ownerId })
    await tx.query('update photos set job_id = $3 where owner_id = $1 and id = $2', [ownerId, id, job])
    tx.invalidate(photoKey(id))
    return true
  })
  if (!found) throw notFound('photo')
  return { id, status: 'processing' }
}

const DELETE = `delete from photos where owner_id = $1 and id = $2 and not posted
returning original, variants, proof, made`

interface Deleted {
  original: string | null
  variants: StoredVariant[]
  proof: StoredVariant | null
  made: number
}

/** @throws Problem `not-found`; `photo-in-post` while a post shows it */
export async function deletePhoto(system: Lightbox, ownerId: string, id: string): Promise<void> {
  const outcome = await system.shard.user(ownerId).write(`delete photo ${id}`, async (tx) => {
    const [row] = await tx.query<Deleted>(DELETE, [ownerId, id])
    if (!row) {
      const left = await tx.query('select from photos where owner_id = $1 and id = $2', [ownerId, id])
      return left.length > 0 ? 'posted' : 'missing'
    }
    if (row.original !== null) tx.detach(row.original, originalName(id))
    detachRendered(tx, id, row)
    tx.invalidate(photoKey(id))
    return 'deleted'
  })
  if (outcome === 'missing') throw notFound('photo')
  if (outcome === 'posted') throw new Problem('photo-in-post', 409, 'A post shows this photo.')
}
