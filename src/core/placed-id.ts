import type { Placement } from './keys.ts'

const FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[78][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * A UUID (RFC 9562) that tells where what it names lies: a UUIDv7 whose `rand_a` (12 bits) is a bucket, and the first 20 bits
 * of whose `rand_b` are a tag; 42 bits stay for uniqueness within a millisecond and a place. The home tables are in
 * no bucket; their ids are UUIDv8 of the same form.
 *
 * @param time milliseconds since the epoch, as 12 hexadecimal digits
 * @param unique at least 12 hexadecimal digits; 42 bits of them are used
 */
export function placedId(time: string, place: Placement | 'home', unique: string): string {
  const { bucket, tag } = place === 'home' ? { bucket: 0, tag: 0 } : place
  // The last 48 bits: 6 of the tag, then 42 that are unique.
  const low = ((tag & 0x3f) << 2) | (Number.parseInt(unique[1] as string, 16) & 3)
  const version = place === 'home' ? '8' : '7'
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}${hex(bucket, 3)}-${hex(0x8000 | (tag >>> 6), 4)}-${hex(low, 2)}${unique.slice(2, 12)}`
}

/** The place in an id of {@link placedId}; undefined when it is not such an id. */
export function placeInId(id: string): Placement | 'home' | undefined {
  if (!FORM.test(id)) return undefined
  if (id[14] === '8') return 'home'
  const bucket = Number.parseInt(id.slice(15, 18), 16)
  const tag =
    ((Number.parseInt(id.slice(19, 23), 16) & 0x3fff) << 6) | (Number.parseInt(id.slice(24, 26), 16) >>> 2)
  return { bucket, tag }
}

/** The time of a UUIDv7 or one like it, as {@link placedId} takes it. */
export const timeInId = (id: string): string => id.slice(0, 8) + id.slice(9, 13)

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
