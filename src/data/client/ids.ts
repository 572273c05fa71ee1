import { hash } from 'node:crypto'
import type { Clock } from '../../core/clock.ts'
import type { RequestContext } from '../../core/context.ts'
import type { Placement } from '../../core/keys.ts'
import { placedId, placeInId, timeInId } from '../../core/placed-id.ts'
import type { RandomSource } from '../../core/random.ts'
import { BadKey } from '../errors.ts'

/**
 * An id that tells where its owner lies; see {@link placedId}.
 *
 * Inside a request the time is the request id's and the bits that make it unique are a function of it, so that a replay
 * draws the same ids in the same order.
 */
export function ownedId(
  owner: Placement,
  context: RequestContext | undefined,
  clock: Clock,
  random: RandomSource,
): string {
  const seed = seedOf(context)
  if (seed) return placedId(seed.time, owner, hash('sha256', seed.text, 'hex'))
  return placedId(clock.now().toString(16).padStart(12, '0'), owner, random.bytes(6).toString('hex'))
}

/** Where the owner of an id from {@link ownedId} lies. @throws BadKey when it is not such an id */
export function placementOfId(id: string): Placement {
  const place = placeInId(id)
  if (place === undefined || place === 'home') throw new BadKey(id, 'ids.next()')
  return place
}

function seedOf(context: RequestContext | undefined): { text: string; time: string } | undefined {
  if (!context) return undefined
  const time = timeInId(context.requestId)
  const scope = context.write
  if (scope) return { text: `${scope.markerId}/${scope.idsDrawn++}`, time }
  return { text: `${context.requestId}/${context.idsDrawn++}`, time }
}
