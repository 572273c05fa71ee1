import type { Selectable } from 'kysely'
import { isUserId } from './ids.ts'
import { personKey, profileKey, shownOf } from './keys.ts'
import type { Lightbox } from './placing.ts'
import { notFound } from './problems.ts'
import type { Tables } from './tables.ts'

export interface Address {
  streetAddress: string
  city: string
  state: string
  postalCode: string
}

/** What anyone may see of a person. */
export interface Profile {
  id: string
  firstName: string
  lastName: string
  /** null until the person gives one. */
  address: Address | null
  phoneNumbers: string[]
}

/** A person as pages and `GET /api/me` show them. */
export interface Person extends Profile {
  handle: string
  counts: { posts: number; followers: number; following: number }
}

/** What is left out stays as it is; an address of null is removed. */
export type ProfileChange = { readonly [K in keyof Omit<Profile, 'id'>]?: Profile[K] | undefined }

// The database writes the JSON: one value to parse instead of eight, and no object to build and print again.
const PROFILE_JSON = `select json_build_object(
  'id', id::text, 'firstName', first_name, 'lastName', last_name,
  'address', case when city is not null then json_build_object(
    'streetAddress', street_address, 'city', city, 'state', state, 'postalCode', postal_code) end,
  'phoneNumbers', phone_numbers)::text as body
from users where id = $1`

const TTL = { ttl: '10m' } as const
const NOBODY = Promise.resolve(null)

/** The profile as JSON text, or null: from the cache and nothing else, because it is asked for most. */
export function profileJson(system: Lightbox, id: string): Promise<string | null> {
  if (!isUserId(id)) return NOBODY
  return system.shard.user(id).cached(profileKey(id), TTL, async (db) => {
    const [row] = await db.query<{ body: string }>(PROFILE_JSON, [id])
    return row?.body ?? null
  })
}

/** @throws Problem `not-found` */
export async function getPerson(system: Lightbox, id: string): Promise<Person> {
  if (!isUserId(id)) throw notFound('person')
  const person = await system.shard.user(id).cached(personKey(id), TTL, async (db) => {
    const row = await db.selectFrom('users').selectAll().where('id', '=', id).executeTakeFirst()
    return row ? personOf(row) : null
  })
  if (!person) throw notFound('person')
  return person
}

/** The person who has this handle, in any case. @throws Problem `not-found` */
export async function getPersonByHandle(system: Lightbox, handle: string): Promise<Person> {
  const id = await idOfHandle(system, handle.toLowerCase())
  if (id === undefined) throw notFound('person')
  return getPerson(system, id)
}

/** The newest members, newest first. */
export async function newestPeople(system: Lightbox, count: number): Promise<Person[]> {
  const found = await system.shards.read((db) =>
    db.selectFrom('users').selectAll().orderBy('created_at', 'desc').orderBy('id').limit(count).execute(),
  )
  return found
    .flat()
    .toSorted((a, b) => b.created_at.getTime() - a.created_at.getTime())
    .slice(0, count)
    .map(personOf)
}

/** @throws Problem `not-found` */
export async function changeProfile(system: Lightbox, id: string, change: ProfileChange): Promise<Profile> {
  const columns = columnsOf(change)
  const row = await system.shard.user(id).write('change profile', (tx) => {
    if (Object.keys(columns).length === 0) {
      return tx.db.selectFrom('users').select(PROFILE_COLUMNS).where('id', '=', id).executeTakeFirst()
    }
    tx.invalidate(...shownOf(id))
    const update = tx.db.updateTable('users').set(columns).where('id', '=', id)
    return update.returning(PROFILE_COLUMNS).executeTakeFirst()
  })
  if (!row) throw notFound('person')
  return profileOf(row)
}

/** Whose handle this is; also of a reservation whose user is not there yet, see accounts.ts. */
export async function idOfHandle(system: Lightbox, handle: string): Promise<string | undefined> {
  if (!/^[a-z0-9_]{3,30}$/.test(handle)) return undefined
  const row = await system.shard
    .handle(handle)
    .read((db) => db.selectFrom('handles').select('user_id').where('handle', '=', handle).executeTakeFirst())
  return row?.user_id
}

const PROFILE_COLUMNS = [
  'id',
  'first_name',
  'last_name',
  'street_address',
  'city',
  'state',
  'postal_code',
  'phone_numbers',
] as const

type ProfileRow = Pick<Selectable<Tables['users']>, (typeof PROFILE_COLUMNS)[number]>

function profileOf(row: ProfileRow): Profile {
  const { street_address, city, state, postal_code } = row
  return {
    id: row.id,
    firstName: row.first_name,
    lastName: row.last_name,
    address:
      city === null
        ? null
        : { streetAddress: street_address ?? '', city, state: state ?? '', postalCode: postal_code ?? '' },
    phoneNumbers: row.phone_numbers,
  }
}

function personOf(row: Selectable<Tables['users']>): Person {
  const counts = { posts: row.post_count, followers: row.follower_count, following: row.following_count }
  return { ...profileOf(row), handle: row.handle, counts }
}

function columnsOf({ firstName, lastName, address, phoneNumbers }: ProfileChange) {
  return {
    ...(firstName !== undefined && { first_name: firstName }),
    ...(lastName !== undefined && { last_name: lastName }),
    ...(address !== undefined && {
      street_address: address?.streetAddress ?? null,
      city: address?.city ?? null,
      state: address?.state ?? null,
      postal_code: address?.postalCode ?? null,
    }),
    ...(phoneNumbers !== undefined && { phone_numbers: phoneNumbers }),
  }
}
