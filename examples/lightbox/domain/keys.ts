import { t } from './placing.ts'

/*
 * What is kept in the guaranteed cache, all of it in the shard of the person it is about. Whoever changes what one
 * of these shows invalidates it in the same write.
 */

/** The text of `GET /users/:id`. */
export const profileKey = t.cacheKey('profile', (userId: string) => [userId])
/** A person with their counts. */
export const personKey = t.cacheKey('person', (userId: string) => [userId])
/** What stands beside a post about its author; apart from the person, whose counts change often. */
export const authorKey = t.cacheKey('author', (userId: string) => [userId])
/** A post with its number of likes. */
export const postKey = t.cacheKey('post', (postId: string) => [postId])
/** A photo, its variants and whether a post shows it. */
export const photoKey = t.cacheKey('photo', (photoId: string) => [photoId])

/** Everything that shows a person's names. */
export const shownOf = (userId: string) => [profileKey(userId), personKey(userId), authorKey(userId)] as const
