import type { Position } from '../../core/position.ts'
import { reaches } from '../connection/span.ts'

/** What is known of a replica when a read looks for one. */
export interface Copy {
  /** What it had replayed when it last told. It may have more by now. */
  readonly known: Position | undefined
  /** Reads that wait for its answer. */
  readonly outstanding: number
  /** It does not answer at the moment. */
  readonly isLate: boolean
}

/** What a read of a session must find; see {@link needOf}. */
export type Need = Position | 'primary'

/**
 * What a replica must have reached to answer a session.
 *
 * - Without a token: what the primary had when it was first seen on its timeline. No session of this process can have
 *   read less, and no position on a timeline may lie before the point where it began: tokens would be compared wrongly.
 * - A token of an older timeline: what it saw may be lost or not; only the primary's word counts, and replaces it.
 * - A token of a later timeline, or without a primary ever seen: this process knows less than the session.
 */
export function needOf(token: Position | undefined, base: Position | undefined): Need {
  if (base === undefined) return 'primary'
  if (token === undefined) return base
  if (token.timeline !== base.timeline) return 'primary'
  return token.lsn > base.lsn ? token : base
}

/**
 * The replica to ask: of those that have reached `need` for all we know, the one with the fewest reads outstanding; if
 * there is none, the one that is nearest. Of equals the first from `turn` on. Pure.
 */
export function pick<C extends Copy>(copies: readonly C[], need: Position, turn: number): C | undefined {
  let best: C | undefined
  let bestSure = false
  for (let step = 0; step < copies.length; step++) {
    const copy = copies[(turn + step) % copies.length] as C
    if (copy.isLate) continue
    const sure = copy.known !== undefined && reaches(copy.known, need)
    if (best === undefined || (sure && !bestSure)) {
      best = copy
      bestSure = sure
    } else if (sure === bestSure && (sure ? copy.outstanding < best.outstanding : isNearer(copy, best))) {
      best = copy
    }
  }
  return best
}

function isNearer(one: Copy, other: Copy): boolean {
  const [a, b] = [one.known?.lsn ?? -1n, other.known?.lsn ?? -1n]
  return a === b ? one.outstanding < other.outstanding : a > b
}
