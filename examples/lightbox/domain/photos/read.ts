import { PROOF_WIDTH } from '../../darkroom/settings.ts'
import type { Edits } from '../../schemas/photo.ts'
import { isPostId } from '../ids.ts'
import { photoKey } from '../keys.ts'
import type { Lightbox } from '../placing.ts'
import { notFound } from '../problems.ts'
import type { OwnPhoto, Photo, PhotoStatus, StoredVariant } from './photo.ts'
import { variantUrl } from './url.ts'

/** What is kept in the cache of a photo. */
interface Kept {
  id: string
  owner_id: string
  status: PhotoStatus
  reason: string | null
  alt: string
  edits: Edits
  variants: StoredVariant[]
  proof: StoredVariant | null
  revision: number
  job_id: string
  /** Whether it is in a post. */
  posted: boolean
}

const PHOTO = `select id, owner_id::text, status, reason, alt, edits, variants, proof, revision, job_id, posted
from photos where id = $1`

/** From the cache. `id` may be any text. */
export async function keptPhoto(system: Lightbox, id: string): Promise<Kept | null> {
  // Posts and photos have ids of one form.
  if (!isPostId(id)) return null
  return (await system.shard.user.ofId(id).cached(photoKey(id), { ttl: '10m' }, async (db) => {
    const [row] = await db.query<Kept>(PHOTO, [id])
    return row ?? null
  })) as Kept | null
}

/** A photo is public once it is in a post; before, only its owner knows of it. @throws Problem `not-found` */
export async function getPhoto(
  system: Lightbox,
  id: string,
  viewerId: string | null,
): Promise<Photo & { mine: boolean }> {
  const kept = await keptPhoto(system, id)
  const mine = kept?.owner_id === viewerId
  if (!kept || !(mine || kept.posted)) throw notFound('photo')
  return { ...shownAs(kept), mine }
}

/** Whose photo it is. @throws Problem `not-found` */
export async function photoOwner(system: Lightbox, id: string): Promise<string> {
  const kept = await keptPhoto(system, id)
  if (!kept) throw notFound('photo')
  return kept.owner_id
}

/** With what only the owner may know. @throws Problem `not-found` also for somebody else's */
export async function getOwnPhoto(system: Lightbox, id: string, ownerId: string): Promise<OwnPhoto> {
  const kept = await keptPhoto(system, id)
  if (kept?.owner_id !== ownerId) throw notFound('photo')
  return { ...shownAs(kept), edits: kept.edits, proof: proofOf(kept) }
}

/** Photos as they stand beside posts. */
export async function photosOf(
  system: Lightbox,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Photo>> {
  const kept = await Promise.all(ids.map((id) => keptPhoto(system, id)))
  return new Map(kept.filter((photo) => photo !== null).map((photo) => [photo.id, shownAs(photo)]))
}

function shownAs({ id, status, reason, alt, variants }: Kept): Photo {
  const shown = variants.map(({ blob, ...rest }) => ({ ...rest, url: variantUrl(id, { blob, ...rest }) }))
  return { id, status, reason, alt, variants: shown }
}

/** Without one of its own the photo has no edits: then a variant shows the whole. */
function proofOf({ id, proof, variants }: Kept): OwnPhoto['proof'] {
  const plain = variants.find(({ format, width }) => format === 'jpeg' && width <= PROOF_WIDTH)
  const stored = proof ?? plain ?? variants.find(({ format }) => format === 'jpeg')
  return stored ? { width: stored.width, height: stored.height, url: variantUrl(id, stored) } : null
}
