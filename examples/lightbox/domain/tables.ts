import type { Generated } from 'kysely'
import type { Edits } from '../schemas/photo.ts'
import type { PhotoStatus, StoredVariant } from './photos/photo.ts'

/** A `bigint` column: the driver gives its decimal text, because a JavaScript number cannot hold it. */
type Int8 = string

/** The tables of migrations/, as Kysely sees them. */
export interface Tables {
  handles: {
    handle: string
    user_id: Int8
    state: Generated<'reserved' | 'confirmed'>
    reserved_at: Generated<Date>
  }
  credentials: { user_id: Int8; password_hash: string | null }
  users: {
    id: Int8
    handle: string
    first_name: string
    last_name: string
    street_address: string | null
    city: string | null
    state: string | null
    postal_code: string | null
    phone_numbers: Generated<string[]>
    post_count: Generated<number>
    follower_count: Generated<number>
    following_count: Generated<number>
    created_at: Generated<Date>
    reach: Generated<Reach>
  }
  posts: {
    author_id: Int8
    id: string
    text: string
    likes: Generated<number>
    created_at: Date
    on_read: Generated<boolean>
    photo_id: string | null
    draft: string | null
  }
  photos: PhotoTable
  post_likes: { author_id: Int8; post_id: string; liker_id: Int8; liked_at: Generated<Date> }
  following: Follow & { on_read: Generated<boolean> }
  followers: Follow
  feed_entries: { reader_id: Int8; post_id: string; author_id: Int8 }
}

interface PhotoTable {
  owner_id: Int8
  id: string
  status: Generated<PhotoStatus>
  reason: string | null
  alt: string
  edits: Edits
  revision: Generated<number>
  original: string | null
  variants: Generated<StoredVariant[]>
  proof: StoredVariant | null
  made: Generated<number>
  job_id: string
  posted: Generated<boolean>
  created_at: Date
}

/** How the posts of a person come into the feeds of those who follow them: see reach.ts. */
export type Reach = 'ordinary' | 'rising' | 'celebrity' | 'former'

interface Follow {
  follower_id: Int8
  followee_id: Int8
  active: boolean
  version: number
  changed_at: Generated<Date>
}
