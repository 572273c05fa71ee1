import type { Format } from '../../darkroom/settings.ts'
import type { Edits } from '../../schemas/photo.ts'

export type PhotoStatus = 'processing' | 'ready' | 'failed'

export interface Variant {
  /** Pixels. */
  width: number
  height: number
  format: Format
  /** Immutable: other bytes have another URL. */
  url: string
}

/** A photo as everyone sees it who may see it. */
export interface Photo {
  /** A UUIDv7 that tells its owner's shard. */
  id: string
  status: PhotoStatus
  /** Why it failed, in words for a person; null unless it did. */
  reason: string | null
  /** Words for those who cannot see it; empty when the owner gave none. */
  alt: string
  /** Widest first. While new edits are under way, those of the former ones. */
  variants: Variant[]
}

/** A photo as its owner sees it. */
export interface OwnPhoto extends Photo {
  edits: Edits
  /** The whole photo without edits, to choose a crop on; null before the photo was ready once. */
  proof: Omit<Variant, 'format'> | null
}

/** What the row says, without what belongs to a URL. */
export interface StoredVariant {
  width: number
  height: number
  format: Format
  blob: string
}
