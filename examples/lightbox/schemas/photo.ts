import { z } from 'zod'
import { line } from './text.ts'

export const ALT_CHARACTERS_MAX = 500
/** The smallest part of a side that a crop may leave. */
export const CROP_SIDE_MIN = 0.02
/** What a sum of fractions may exceed 1 by, for the sake of decimals that a form rounded. */
const ROUNDING = 1e-6

const fraction = z.number().min(0).max(1)
const side = z.number().min(CROP_SIDE_MIN).max(1)

const cropSchema = z
  .strictObject({ x: fraction, y: fraction, width: side, height: side })
  .refine(({ x, width }) => x + width <= 1 + ROUNDING, {
    path: ['width'],
    error: 'must end within the photo',
  })
  .refine(({ y, height }) => y + height <= 1 + ROUNDING, {
    path: ['height'],
    error: 'must end within the photo',
  })
  .describe('Fractions of the width and height, as the photo is seen upright.')

/** What is done to a photo. It is always done to the original: edits never add up. */
export const editsSchema = z.strictObject({
  crop: cropSchema.optional(),
  sharpen: fraction.optional().describe('0: not at all … 1: strongly.'),
  blur: fraction.optional().describe('0: not at all … 1: strongly.'),
})

export type Edits = z.output<typeof editsSchema>

/** What comes with an image. */
export const newPhotoSchema = z.strictObject({
  edits: editsSchema.default({}).describe('JSON.'),
  alt: line(0, ALT_CHARACTERS_MAX).default('').describe('Words for those who cannot see the photo.'),
})
