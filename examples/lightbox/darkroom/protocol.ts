import type { Edits } from '../schemas/photo.ts'
import type { Refusal } from './refusal.ts'
import type { Format } from './settings.ts'

/** What the server asks of the image process. */
export type Order =
  | { readonly kind: 'develop'; readonly path: string; readonly edits: Edits }
  /** Paints a picture of the seeded community, then develops it. */
  | { readonly kind: 'paint'; readonly seed: number; readonly scene: string }

export interface Variant {
  readonly width: number
  readonly height: number
  readonly format: Format
  readonly bytes: Uint8Array
}

/** An order on its way; what is answered to it carries the same number. */
export interface Numbered<T> {
  readonly number: number
  readonly content: T
}

/** What the image process answers: any number of parts, then `done`, `refused` or `failed`. */
export type Reply =
  | { readonly kind: 'variant'; readonly variant: Variant; readonly of: number }
  /** The whole photo without edits, on which a crop is chosen. Only when the variants do not show it. */
  | { readonly kind: 'proof'; readonly variant: Variant }
  /** What was painted, as if somebody had sent it. */
  | { readonly kind: 'original'; readonly bytes: Uint8Array }
  /** All that is left is to encode the variants: the next order may be opened beside it. */
  | { readonly kind: 'exposed' }
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly detail: string }
  | { readonly kind: 'failed'; readonly detail: string }
