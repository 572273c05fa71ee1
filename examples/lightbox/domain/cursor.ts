import { isPostId } from './ids.ts'
import { badCursor } from './problems.ts'

/*
 * A page of posts ends at a post, and the next one begins below its id. Ids are ordered by time and never
 * change, so a post that was there when the first page was read comes exactly once, whatever is posted
 * meanwhile. Ids are no secret: a cursor needs no signature, only its form is checked.
 */

/** The opaque form of "older than this post". */
export const cursorOf = (postId: string): string =>
  Buffer.from(postId.replaceAll('-', ''), 'hex').toString('base64url')

/** The post's id. @throws Problem `bad-cursor` */
export function postIdOf(cursor: string): string {
  const hex = /^[\w-]{22}$/.test(cursor) ? Buffer.from(cursor, 'base64url').toString('hex') : ''
  const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  if (!isPostId(id) || cursorOf(id) !== cursor) throw badCursor()
  return id
}
