import { z } from 'zod'
import { prose } from './text.ts'

export const POST_CHARACTERS_MAX = 2000

export const newPostSchema = z.strictObject({ text: prose(1, POST_CHARACTERS_MAX) })
