import { z } from 'zod'
import { FORMATS } from '../darkroom/settings.ts'
import type {
  Account,
  FollowState,
  LikeState,
  PageOf,
  Person,
  Photo,
  Post,
  Profile,
} from '../domain/index.ts'
import { editsSchema } from './photo.ts'

/*
 * What goes out. Answers are not checked while serving; the API suite checks every one against these, and the
 * compiler checks these against the domain.
 */

const userId = z
  .string()
  .regex(/^[1-9][0-9]{0,18}$/)
  .describe('A 64-bit integer.')
const postId = z.uuidv7()
const count = z.int().min(0)

const address = z.strictObject({
  streetAddress: z.string(),
  city: z.string(),
  state: z.string(),
  postalCode: z.string(),
})

const profileFields = {
  id: userId,
  firstName: z.string(),
  lastName: z.string(),
  address: address.nullable().describe('null until the person gives one.'),
  phoneNumbers: z.array(z.string()),
}

export const profile: z.ZodType<Profile> = z.strictObject(profileFields)

export const person: z.ZodType<Person> = z.strictObject({
  ...profileFields,
  handle: z.string(),
  counts: z.strictObject({ posts: count, followers: count, following: count }),
})

export const account: z.ZodType<Account & { token?: string | undefined }> = z.strictObject({
  id: userId,
  handle: z.string(),
  token: z
    .string()
    .optional()
    .describe('With `Accept-Token: 1`: for `Authorization: Bearer`, instead of a cookie.'),
})

const photoFields = {
  id: z.uuidv7(),
  status: z.enum(['processing', 'ready', 'failed']),
  reason: z.string().nullable().describe('Why it failed; null unless it did.'),
  alt: z.string().describe('Words for those who cannot see it; may be empty.'),
  variants: z
    .array(
      z.strictObject({
        width: z.int().min(1),
        height: z.int().min(1),
        format: z.enum(FORMATS),
        url: z
          .string()
          .regex(/^\/photos\//)
          .describe('Immutable.'),
      }),
    )
    .describe('Widest first. While new edits are under way, those of the former ones.'),
}

export const photoAccepted: z.ZodType<Pick<Photo, 'id' | 'status'>> = z.strictObject({
  id: photoFields.id,
  status: photoFields.status,
})

export const photo: z.ZodType<Photo> = z.strictObject({
  ...photoFields,
  edits: editsSchema.optional().describe('Only for its owner.'),
})

export const post: z.ZodType<Post> = z.strictObject({
  id: postId,
  authorId: userId,
  text: z.string(),
  photo: z.strictObject(photoFields).nullable(),
  likes: count,
  createdAt: z.iso.datetime(),
})

export const postPage: z.ZodType<PageOf<Post>> = z.strictObject({
  posts: z.array(post),
  next: z.string().nullable().describe('`before` of the next page; null at the end.'),
})

export const followState: z.ZodType<FollowState> = z.strictObject({
  id: userId,
  following: z.boolean(),
  followers: count,
})

export const likeState: z.ZodType<LikeState> = z.strictObject({
  id: postId,
  liked: z.boolean(),
  likes: count,
})

/** RFC 9457. The platform's own problems have further members. */
export const problem = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int().min(400).max(599),
  detail: z.string().optional(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
})

/** The names under `#/components/schemas`. */
export const components: Readonly<Record<string, z.ZodType>> = {
  Profile: profile,
  Person: person,
  Account: account,
  PhotoAccepted: photoAccepted,
  Photo: photo,
  Post: post,
  PostPage: postPage,
  FollowState: followState,
  LikeState: likeState,
  Problem: problem,
}
