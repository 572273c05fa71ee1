import { createHash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { RequestContext } from '../../core/context.ts'
import type { Placement } from '../../core/keys.ts'
import type { RandomSource } from '../../core/random.ts'
import { BadKey } from '../errors.ts'

const OWNED_ID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

/**
 * A UUIDv7 (RFC 9562) that tells where its owner lies: `rand_a` (12 bits) is the owner's bucket, the first 20
 * bits of `rand_b` the owner's tag; 42 bits stay for uniqueness within a millisecond and an owner.
 *
 * Inside a request the time is the request id's and the 42 bits are a function of it, so that a replay draws
 * the same ids in the same order.
 */
export function ownedId(
  owner: Placement,
  context: RequestContext | undefined,
  clock: Clock,
  random: RandomSource,
): string {
  const seed = seedOf(context)
  const unique = seed ? createHash('sha256').update(seed.text).digest() : random.bytes(6)
  const time = seed ? seed.time : clock.now().toString(16).padStart(12, '0')
  const tagHigh = 0x8000 | (owner.tag >>> 6)
  // The last 48 bits: 6 of the tag, then 42 that are unique.
  const low = ((owner.tag & 0x3f) << 2) | ((unique[0] as number) & 3)
  return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(owner.bucket, 3)}-${hex(tagHigh, 4)}-${hex(low, 2)}${unique.toString('hex', 1, 6)}`
}

/** Where the owner of an id from {@link ownedId} lies. @throws BadKey when it is not such an id */
export function placementOfId(id: string): Placement {
  if (!OWNED_ID.test(id)) throw new BadKey(id, 'ids.next()')
  const bucket = Number.parseInt(id.slice(15, 18), 16)
  const tag =
    ((Number.parseInt(id.slice(19, 23), 16) & 0x3fff) << 6) | (Number.parseInt(id.slice(24, 26), 16) >>> 2)
  return { bucket, tag }
}

function seedOf(context: RequestContext | undefined): { text: string; time: string } | undefined {
  if (!context) return undefined
  const time = context.requestId.slice(0, 8) + context.requestId.slice(9, 13)
  const scope = context.write
  if (scope) return { text: `${scope.markerId}/${scope.idsDrawn++}`, time }
  return { text: `${context.requestId}/${context.idsDrawn++}`, time }
}

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
