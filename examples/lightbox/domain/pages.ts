import { cardsOf, type PostCard } from './cards.ts'
import { cursorOf, postIdOf } from './cursor.ts'
import type { Lightbox } from './placing.ts'

export interface PageOf<T> {
  /** Newest first. */
  posts: T[]
  /** The cursor of the next, older page; null at the end. */
  next: string | null
}

export interface PageOptions {
  /** `next` of the page before. */
  readonly before?: string | undefined
  /** @defaultValue 20 */
  readonly limit?: number
  readonly viewerId?: string | null
}

export const PAGE_POSTS = 20

/** Above every UUIDv7, so that the first page needs no statement of its own. */
const LAST = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

/** What the ids on a page are below. @throws Problem `bad-cursor` */
export const endOf = (before: string | undefined): string => (before === undefined ? LAST : postIdOf(before))

/** The page that these ids begin, newest first: one more than it holds tells that there is a next one. */
export async function pageOf(
  system: Lightbox,
  ids: readonly string[],
  { limit = PAGE_POSTS, viewerId }: PageOptions,
): Promise<PageOf<PostCard>> {
  const shown = ids.slice(0, limit)
  const last = shown.at(-1)
  return {
    posts: await cardsOf(system, shown, viewerId),
    next: last !== undefined && ids.length > limit ? cursorOf(last) : null,
  }
}

/** Of several lists together the newest ids: as many as a page holds, and one more. */
export const newestOf = (
  lists: readonly (readonly { id: string }[])[],
  { limit = PAGE_POSTS }: PageOptions,
): string[] =>
  [...new Set(lists.flat().map(({ id }) => id))].toSorted((a, b) => (a < b ? 1 : -1)).slice(0, limit + 1)
