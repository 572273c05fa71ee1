import type { ClusterRecord } from './record.ts'
import type { NodeView } from './view.ts'

/**
 * The next step towards a primary that serves. Each can be taken again without harm.
 *
 * - `none`: the primary serves
 * - `wait`: somebody is at it already
 * - `accept`: a node is primary that the record does not name yet; write it down
 * - `fence`: end a node for certain, so that it acknowledges nothing any more
 * - `start`: start a node as what it was
 * - `cut`: end the log receivers of these standbys, so that their positions stand still
 * - `promote`: make this standby the primary; `synchronous` are then those whose word counts for it
 * - `refuse`: there is no step that loses nothing
 */
export type Step =
  | { readonly do: 'none' }
  | { readonly do: 'wait'; readonly why: string }
  | { readonly do: 'accept'; readonly id: string; readonly synchronous: readonly string[] }
  | { readonly do: 'fence'; readonly id: string }
  | { readonly do: 'start'; readonly id: string }
  | { readonly do: 'cut'; readonly ids: readonly string[] }
  | { readonly do: 'promote'; readonly id: string; readonly synchronous: readonly string[] }
  | { readonly do: 'refuse'; readonly why: string }

/**
 * Decides what brings a cluster a primary, from what was recorded and what is seen. Pure.
 *
 * A commit was acknowledged once one of `record.synchronous` had it on disk. So the highest position among *all* of
 * them covers every acknowledged commit, provided that the primary can acknowledge nothing more (it is down, seen by
 * the process that owns it) and no position can rise any more (receivers have ended). Anything less is not enough.
 */
export function decide(record: ClusterRecord, views: readonly NodeView[]): Step {
  const of = (id: string): NodeView => views.find((view) => view.id === id) ?? { id, process: 'missing' }
  const { promoting } = record
  if (promoting !== undefined && of(promoting.id).standby === false) return { do: 'accept', ...promoting }
  const primary = of(record.primary)
  switch (primary.process) {
    case 'running':
      return primary.standby === false
        ? { do: 'none' }
        : // Its folder was made a standby by hand, or by a switchover that did not come to its end.
          replace(record, { ...primary, process: 'down' }, [...record.synchronous, primary.id].map(of), false)
    case 'starting':
      return { do: 'wait', why: `${primary.id} starts` }
    case 'hung':
      return { do: 'fence', id: primary.id }
    case 'down':
      return replace(record, primary, record.synchronous.map(of), true)
    case 'missing':
      return replace(record, primary, record.synchronous.map(of), false)
  }
}

/** The primary has ended. */
function replace(
  { synchronous, promoting }: ClusterRecord,
  primary: NodeView,
  standbys: readonly NodeView[],
  mayRestart: boolean,
): Step {
  const restart: Step = mayRestart
    ? { do: 'start', id: primary.id }
    : {
        do: 'refuse',
        why: `${primary.id} has no data folder any more, and not every standby that may have its last commits is there`,
      }
  // Nobody else has anything that counts; the primary itself has all.
  if (standbys.length === 0) return restart
  const hung = standbys.find(({ process }) => process === 'hung')
  if (hung) return { do: 'fence', id: hung.id }
  const down = standbys.find(({ process }) => process === 'down')
  if (down) return { do: 'start', id: down.id }
  // One that was being promoted may have acknowledged something before it died: then the old primary is no way out.
  const begun = standbys.some(({ id }) => id === promoting?.id)
  if (standbys.some(({ process }) => process === 'missing'))
    return begun ? { do: 'refuse', why: `${promoting?.id} was being promoted when all ended` } : restart
  const receiving = standbys.filter((one) => one.receiving).map(({ id }) => id)
  if (receiving.length > 0) return { do: 'cut', ids: receiving }
  const busy = standbys.find(({ process, lsn }) => process === 'starting' || lsn === undefined)
  if (busy) return { do: 'wait', why: `${busy.id} has not read its log to the end` }
  const best = standbys.reduce((one, other) => (ahead(other, one, promoting?.id) ? other : one))
  return { do: 'promote', id: best.id, synchronous: synchronous.filter((id) => id !== best.id) }
}

/** Of two that are equal the one that was chosen before. */
const ahead = (one: NodeView, other: NodeView, chosen: string | undefined): boolean =>
  one.lsn === other.lsn ? one.id === chosen : (one.lsn as bigint) > (other.lsn as bigint)
