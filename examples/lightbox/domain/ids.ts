import type { Lightbox } from './placing.ts'

const BIGINT_MAX = 2n ** 63n - 1n
const USER_ID = /^[1-9][0-9]{0,18}$/
const POST_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/** Whether `text` can be the id of a person: a positive 64-bit integer without leading zeros. */
export function isUserId(text: string): boolean {
  return USER_ID.test(text) && (text.length < 19 || BigInt(text) <= BIGINT_MAX)
}

/** Whether `text` can be the id of a post: a UUIDv7 in lower case. */
export const isPostId = (text: string): boolean => POST_ID.test(text)

/** When an id of `ids.next` was drawn: the first 48 bits of a UUIDv7 are milliseconds since 1970. */
export const timeOf = (postId: string): Date =>
  new Date(Number.parseInt(postId.slice(0, 8) + postId.slice(9, 13), 16))

/** The same id as if it had been drawn at another time. Only the seed writes posts of the past. */
export function drawnAt(postId: string, ms: number): string {
  const time = Math.trunc(ms).toString(16).padStart(12, '0')
  return `${time.slice(0, 8)}-${time.slice(8)}${postId.slice(13)}`
}

/** An id for a new post; it tells the shard of its author. */
export const nextPostId = (system: Lightbox, authorId: string): string => system.ids.next({ user: authorId })
