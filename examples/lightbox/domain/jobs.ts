import { fanOutPost } from './fan-out.ts'
import { settleFollow } from './follow-copy.ts'
import { announceCelebrity } from './reach.ts'

/** What the feed leaves for later. */
export const feedJobs = [fanOutPost, settleFollow, announceCelebrity] as const
