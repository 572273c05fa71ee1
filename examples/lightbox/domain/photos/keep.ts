import type { Tx } from 'tenfold'
import { photoKey } from '../keys.ts'
import type { StoredVariant } from './photo.ts'

/** As much of a transaction as photos need, so that a post can be written in the same one. */
export type PhotoTx = Pick<Tx<unknown>, 'query' | 'enqueue' | 'invalidate' | 'attach' | 'detach'>

/** Under these names the blobs of a photo are kept. */
export const originalName = (photoId: string): string => `photo/${photoId}`
const renderedName = (photoId: string, revision: number): string => `photo/${photoId}/${revision}`

/** One revision of a photo. */
export interface Which {
  readonly ownerId: string
  readonly photoId: string
  readonly revision: number
}

/** What was made of a photo; its blobs are stored and not kept yet. */
export interface Rendered {
  /** Widest first. */
  readonly variants: readonly StoredVariant[]
  readonly proof: StoredVariant | null
  /** Only of a painting. */
  readonly original: string | null
}

type Former = Pick<Rendered, 'variants' | 'proof'> & { readonly made: number }

const FORMER = `select variants, proof, made from photos
where owner_id = $1 and id = $2 and revision = $3 for update`

const READY = `update photos set status = 'ready', reason = null, variants = $4, proof = $5, made = $3,
  original = coalesce($6, original) where owner_id = $1 and id = $2 and revision = $3`

/** Shows what was made instead of what was made before, unless newer edits are wanted by now. */
export async function keep(tx: PhotoTx, which: Which, rendered: Rendered): Promise<void> {
  const { ownerId, photoId, revision } = which
  const [former] = await tx.query<Former>(FORMER, [ownerId, photoId, revision])
  if (!former) return
  detachRendered(tx, photoId, former)
  for (const blob of blobsOf(rendered)) tx.attach(blob, renderedName(photoId, revision))
  const { original, variants, proof } = rendered
  if (original !== null) tx.attach(original, originalName(photoId))
  const lists = [JSON.stringify(variants), proof && JSON.stringify(proof)]
  await tx.query(READY, [ownerId, photoId, revision, ...lists, original])
  tx.invalidate(photoKey(photoId))
}

const FAIL = `update photos set status = 'failed', reason = $4 where owner_id = $1 and id = $2 and revision = $3`

/** Tells the owner why there will be no photo of this revision; what was made before stays. */
export async function fail(tx: PhotoTx, which: Which, reason: string): Promise<void> {
  const { ownerId, photoId, revision } = which
  await tx.query(FAIL, [ownerId, photoId, revision, reason])
  tx.invalidate(photoKey(photoId))
}

/** Gives up everything that was made of a photo. */
export function detachRendered(tx: Pick<PhotoTx, 'detach'>, photoId: string, former: Former): void {
  for (const blob of blobsOf(former)) tx.detach(blob, renderedName(photoId, former.made))
}

/** Two sizes can have the same bytes only in theory; a blob is kept once under a name. */
const blobsOf = ({ variants, proof }: Pick<Rendered, 'variants' | 'proof'>): Set<string> =>
  new Set([...variants, ...(proof ? [proof] : [])].map(({ blob }) => blob))
