import { z } from 'zod'
import { prose } from './text.ts'

export const POST_CHARACTERS_MAX = 2000

/** A post has words, a photo, or both. */
export const newPostSchema = z
  .strictObject({
    text: prose(0, POST_CHARACTERS_MAX).default(''),
    photoId: z.string().optional().describe('An own photo, which may still be processing.'),
  })
  .refine(({ text, photoId }) => text !== '' || photoId !== undefined, {
    path: ['text'],
    error: `must have 1 to ${POST_CHARACTERS_MAX} characters`,
  })
