import { drawnAt, type Lightbox, nextPostId, timeOf } from '../domain/index.ts'
import { chance, sample } from './chance.ts'
import { type Member, members } from './people.ts'
import { seedPhotos } from './photos.ts'
import { texts } from './texts.ts'

const SEED = 12
const HOUR_MS = 3_600_000
/** The members joined within these days, and wrote since. */
const DAYS = 21
const FOLLOWS_MIN = 4
const FOLLOWS_MAX = 12
const LIKES_MAX = 14

interface Person extends Member {
  readonly id: string
  readonly posts: { readonly text: string; readonly hoursAgo: number; readonly likers: string[] }[]
  readonly follows: string[]
}

/**
 * Fills an empty database with a small community. The people, what they wrote and whom they follow are always
 * the same; the times count back from now. Nobody here has a password, so nobody can log in as them.
 *
 * With `photos`, their pictures are painted once the server is ready: some seconds of a processor.
 *
 * Every person is another bucket, hence one write each, with all their rows in one statement; and one more for their
 * feed, when it is known which posts there are.
 */
export async function seedCommunity(system: Lightbox, { photos = true } = {}): Promise<void> {
  const people = community()
  const [written] = await Promise.all([
    Promise.all(people.map((person) => seedPerson(system, person, people))),
    Promise.all(people.map((person) => seedHandle(system, person))),
  ])
  await Promise.all(
    people.flatMap((person) => [
      seedFeed(system, person, written),
      photos ? seedPhotos(system, person.id, person.handle) : undefined,
    ]),
  )
}

function community(): Person[] {
  const next = chance(SEED)
  const ids = members.map((_, index) => String(index + 1))
  return members.map((member, index) => {
    const id = String(index + 1)
    const others = ids.filter((other) => other !== id)
    const lines = texts[member.handle] ?? []
    const posts = lines.map((text, at) => ({
      text,
      hoursAgo: hoursAgo(at, lines.length, next()),
      likers: sample(others, Math.floor(next() ** 2 * LIKES_MAX), next),
    }))
    const count = FOLLOWS_MIN + Math.floor(next() * (FOLLOWS_MAX - FOLLOWS_MIN))
    return { ...member, id, posts, follows: sample(others, count, next) }
  })
}

/** Spread over the days in the order of writing; the last ones were written today. */
const hoursAgo = (at: number, of: number, within: number): number =>
  ((of - at - within) / of) * DAYS * 24 * ((of - at) / of)

function seedHandle(system: Lightbox, { id, handle }: Person): Promise<void> {
  return system.shard.handle(handle).write(`seed handle ${handle}`, async (tx) => {
    const insert = `insert into handles (handle, user_id, state) values ($1, $2, 'confirmed') on conflict do nothing`
    await tx.query(insert, [handle, id])
  })
}

// When the person is there already, so is all the rest: the other inserts select from what this one returned.
const PERSON = `with person as (
  insert into users (id, handle, first_name, last_name, street_address, city, state, postal_code,
    phone_numbers, post_count, follower_count, following_count, created_at)
  select $1::bigint, $2, $3, $4, $5, $6, $7, $8, array(select jsonb_array_elements_text($9::jsonb)),
    jsonb_array_length($10::jsonb), jsonb_array_length($11::jsonb), jsonb_array_length($12::jsonb), $13
  on conflict do nothing returning id
), written as (
  insert into posts (author_id, id, text, likes, created_at)
  select person.id, post.id, post.text, jsonb_array_length(post.likers), post."createdAt" from person,
    jsonb_to_recordset($10::jsonb) as post (id uuid, text text, likers jsonb, "createdAt" timestamptz)
), liked as (
  insert into post_likes (author_id, post_id, liker_id)
  select person.id, post.id, liker::bigint from person,
    jsonb_to_recordset($10::jsonb) as post (id uuid, likers jsonb), jsonb_array_elements_text(likers) as liker
), followed as (
  insert into followers (followee_id, follower_id, active, version)
  select person.id, other::bigint, true, 1 from person, jsonb_array_elements_text($11::jsonb) as other
)
insert into following (follower_id, followee_id, active, version)
select person.id, other::bigint, true, 1 from person, jsonb_array_elements_text($12::jsonb) as other`

interface Written {
  authorId: string
  postIds: string[]
}

function seedPerson(system: Lightbox, person: Person, people: readonly Person[]): Promise<Written> {
  const { id, handle, firstName, lastName, address, phoneNumbers = [], follows } = person
  const followers = people.filter((other) => other.follows.includes(id)).map((other) => other.id)
  return system.shard.user(id).write(`seed person ${handle}`, async (tx) => {
    const nowMs = timeOf(nextPostId(system, id)).getTime()
    const posts = person.posts.map(({ text, hoursAgo, likers }) => {
      const postId = drawnAt(nextPostId(system, id), nowMs - hoursAgo * HOUR_MS)
      return { id: postId, createdAt: timeOf(postId), text, likers }
    })
    const [street = null, city = null, state = null, postalCode = null] = address ?? []
    const joined = new Date(nowMs - DAYS * 24 * HOUR_MS - Number(id) * HOUR_MS)
    const lists = [phoneNumbers, posts, followers, follows].map((list) => JSON.stringify(list))
    await tx.query(PERSON, [
      id,
      handle,
      firstName,
      lastName,
      street,
      city,
      state,
      postalCode,
      ...lists,
      joined,
    ])
    // Those of an earlier run when the person was there already.
    const found = await tx.query<{ id: string }>('select id from posts where author_id = $1', [id])
    return { authorId: id, postIds: found.map((post) => post.id) }
  })
}

const ENTRIES = `insert into feed_entries (reader_id, post_id, author_id)
select $1, post, author from unnest($2::uuid[], $3::bigint[]) as entry (post, author) on conflict do nothing`

/** What a fan-out of all the posts would have brought. */
function seedFeed(
  system: Lightbox,
  { id, handle, follows }: Person,
  written: readonly Written[],
): Promise<void> {
  const entries = written
    .filter(({ authorId }) => follows.includes(authorId))
    .flatMap(({ authorId, postIds }) => postIds.map((postId) => ({ postId, authorId })))
  const columns = [entries.map(({ postId }) => postId), entries.map(({ authorId }) => authorId)]
  return system.shard.user(id).write(`seed feed ${handle}`, async (tx) => {
    await tx.query(ENTRIES, [id, ...columns])
  })
}
