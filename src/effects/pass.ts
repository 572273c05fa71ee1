import type { DeliveredEffects } from '../core/effects.ts'
import { formatLsn, type Lsn } from '../core/lsn.ts'
import type { UpkeepSession } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { Floors } from './floors.ts'
import type { Followers } from './followers.ts'
import {
  BEGIN,
  type Before,
  COMMIT,
  DELETE,
  FIRST,
  type Found,
  foundIn,
  MOVE,
  NOTE,
  read,
} from './statements.ts'

/** Rows in one round trip: few, so that neither memory nor the process's time is taken at once. */
export const BATCH_ROWS = 500

/** What a pass works with. */
export interface PassParts {
  readonly session: UpkeepSession
  readonly followers: Followers
  readonly floors: Floors
  /** There are more rows than one round trip takes, or somebody did not take them: a count is worth its cost. */
  readonly onBacklog: () => Promise<void>
  readonly onDelivered: (rows: number) => void
}

/** What a pass begins with. */
export interface PassPlan {
  /** The snapshot whose rows have all been delivered; undefined: everything that is there. */
  readonly since: string | undefined
  /** Markers of rows that everybody has. */
  readonly deletes: readonly string[]
  /** The log has to get beyond it. */
  readonly moveBeyond: Lsn | undefined
}

/** What a pass has done. */
export interface PassResult {
  readonly noted: Position
  readonly snapshot: string
  /** Delivered to everybody and not deleted yet. */
  readonly deletes: readonly string[]
}

/**
 * One pass: notes the log's position, then delivers every row visible after that. `undefined`: another session
 * has taken the place of the one that held the lock.
 *
 * Rows are walked in the order of their markers, a batch a round trip. What commits meanwhile may be behind the
 * cursor: it was not visible when the position was noted, so the next pass is early enough.
 */
export async function pass(parts: PassParts, plan: PassPlan): Promise<PassResult | undefined> {
  const { followers, floors, session } = parts
  let first: Found | undefined
  let deletes = plan.deletes
  let after = FIRST
  for (;;) {
    const before = { deletes, moveBeyond: first === undefined ? plan.moveBeyond : undefined }
    const found = foundIn(await session.run(roundTrip(before, after, plan.since)), BATCH_ROWS)
    if (!found.leads) return undefined
    floors.forget(deletes)
    first ??= found
    const markers = found.rows.map(({ marker }) => marker)
    const taken = await followers.apply(batchOf(found, floors))
    parts.onDelivered(markers.length)
    deletes = taken ? markers : []
    if (!found.more) break
    if (after === FIRST) await parts.onBacklog()
    after = markers.at(-1) as string
  }
  return { noted: first.noted, snapshot: first.snapshot, deletes }
}

function roundTrip({ deletes, moveBeyond }: Before, after: string, since: string | undefined) {
  const changes = []
  if (deletes.length > 0) changes.push({ sql: DELETE, params: [deletes] })
  // A deletion moves the log, too.
  else if (moveBeyond !== undefined) changes.push({ sql: MOVE, params: [formatLsn(moveBeyond)] })
  const reading = [NOTE, read(after, BATCH_ROWS, since)]
  return changes.length === 0 ? reading : [BEGIN, ...changes, COMMIT, ...reading]
}

function batchOf({ rows, floor }: Found, floors: Floors): DeliveredEffects[] {
  return rows.map(({ marker, effects }) => ({ marker, effects, floor: floors.of(marker) ?? floor }))
}
