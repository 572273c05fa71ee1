import type { ClusterRecord, Promotable } from './record.ts'
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
 * - `promote`: make this standby the primary
 * - `refuse`: there is no step that loses nothing
 */
export type Step =
  | { readonly do: 'none' }
  /** `hopeless`: for a node that may never come. */
  | { readonly do: 'wait'; readonly why: string; readonly hopeless?: string }
  | ({ readonly do: 'accept' } & Promotable)
  | { readonly do: 'fence'; readonly id: string }
  | { readonly do: 'start'; readonly id: string }
  | { readonly do: 'cut'; readonly ids: readonly string[] }
  | ({ readonly do: 'promote' } & Promotable)
  | { readonly do: 'refuse'; readonly why: string }

/**
 * How often who failed. Who has failed was ended, and counts again only when it has said after its start that it is a standby: it
 * was not promoted then, nor will it be.
 */
export type Failures = ReadonlyMap<string, number>

interface Known {
  readonly views: readonly NodeView[]
  readonly failures: Failures
}

/**
 * Decides what brings a cluster a primary, from what was recorded and what is seen, and how often standbys have failed to become
 * it and were ended. Pure.
 *
 * Every acknowledged commit is on the disk of one of `record.synchronous`. So the highest position among *all* of them
 * covers every acknowledged commit, provided that the primary can acknowledge nothing more (it is down, seen by
 * the process that owns it) and no position can rise any more (receivers have ended). Anything less is not enough.
 */
export function decide(
  record: ClusterRecord,
  views: readonly NodeView[],
  failures: Failures = new Map(),
): Step {
  const of = (id: string): NodeView => views.find((view) => view.id === id) ?? { id, process: 'missing' }
  const { promoting } = record
  if (promoting !== undefined && of(promoting.id).standby === false) return { ...promoting, do: 'accept' }
  const primary = of(record.primary)
  switch (primary.process) {
    case 'running':
      return primary.standby === false
        ? { do: 'none' }
        : // Its folder was made a standby by hand, or by a switchover that did not come to its end.
          replace(
            record,
            { ...primary, process: 'down' },
            [...record.synchronous, primary.id].map(of),
            false,
            { views, failures },
          )
    case 'starting':
      return { do: 'wait', why: `${primary.id} starts` }
    case 'hung':
      return { do: 'fence', id: primary.id }
    case 'down':
      // After everybody has ended: it has everything, and nobody is nearer to serving.
      if (promoting === undefined && views.every(hasEnded)) return { do: 'start', id: primary.id }
      return replace(record, primary, record.synchronous.map(of), true, { views, failures })
    case 'missing':
      return replace(record, primary, record.synchronous.map(of), false, { views, failures })
  }
}

/** Its folder is there and has everything: what keeps it from starting is not worth a loss. */
const tried = ({ id }: NodeView): Step => ({
  do: 'wait',
  why: `${id} cannot be started; that is tried again. If its data folder is of no use, remove it`,
  hopeless: id,
})

const hasEnded = ({ process }: NodeView): boolean => process === 'down' || process === 'missing'

/** The primary has ended. */
function replace(
  record: ClusterRecord,
  primary: NodeView,
  standbys: readonly NodeView[],
  mayRestart: boolean,
  known: Known,
): Step {
  const { promoting } = record
  const restart: Step = mayRestart
    ? { do: 'start', id: primary.id }
    : primary.whole
      ? tried(primary)
      : withLoss(
          record,
          primary,
          known,
          `${primary.id} has no data folder any more, and not every standby that may have its last commits is there`,
        )
  // It may have acknowledged what nobody else has.
  if (promoting && !promoting.lossy && !known.views.some(({ id }) => id === promoting.id))
    return {
      do: 'refuse',
      why: `${promoting.id}, which was being promoted, is no part of the cluster any more`,
    }
  // Nobody else has anything that counts; the primary itself has all.
  if (standbys.length === 0) return restart
  const hung = standbys.find(({ process }) => process === 'hung')
  if (hung) return { do: 'fence', id: hung.id }
  const down = standbys.find(({ process }) => process === 'down')
  if (down) return { do: 'start', id: down.id }
  // One that was being promoted may have acknowledged something before it died: then the old primary is no way out.
  const counts = standbys.some(({ id }) => id === promoting?.id)
  const begun = counts || (promoting !== undefined && !promoting.lossy && promoting.id !== primary.id)
  const missing = standbys.filter(({ process }) => process === 'missing')
  const whole = missing.find((one) => one.whole)
  if (whole && (begun || !mayRestart)) return tried(whole)
  if (missing.length > 0)
    return begun
      ? withLoss(record, primary, known, `${promoting?.id} was being promoted when all ended`)
      : restart
  return promote(record, primary, standbys, known)
}

/** All of `standbys` are there: the one that has most, once their positions stand still. */
function promote(
  { synchronous, promoting }: ClusterRecord,
  primary: NodeView,
  standbys: readonly NodeView[],
  { views, failures }: Known,
): Step {
  // Also those that do not count: they follow afterwards, if they have nothing that the new primary has not.
  const receiving = views.filter((one) => one.receiving).map(({ id }) => id)
  if (receiving.length > 0) return { do: 'cut', ids: receiving }
  const busy = standbys.find(({ process, lsn }) => process === 'starting' || lsn === undefined)
  if (busy) return { do: 'wait', why: `${busy.id} has not read its log to the end` }
  const rank = ({ id }: NodeView): number => 2 * (failures.get(id) ?? 0) + (id === promoting?.id ? 0 : 1)
  const best = standbys.reduce((one, other) => (ahead(other, one, rank) ? other : one))
  return {
    do: 'promote',
    id: best.id,
    named: synchronous.filter((id) => id !== best.id),
    rebuild: views
      .filter(({ id }) => id !== primary.id && !standbys.some((one) => one.id === id))
      .filter(({ process, lsn }) => process !== 'running' || lsn === undefined || lsn > (best.lsn as bigint))
      .map(({ id }) => id),
  }
}

/** Where that was chosen, whoever is there serves on, without what only others had. */
function withLoss(record: ClusterRecord, primary: NodeView, known: Known, why: string): Step {
  const others = known.views.filter(({ id }) => id !== primary.id)
  const hung = others.find(({ process }) => process === 'hung')
  const down = others.find(({ process }) => process === 'down')
  if (record.durability === 'strict') return { do: 'refuse', why }
  if (hung) return { do: 'fence', id: hung.id }
  if (down) return { do: 'start', id: down.id }
  const there = others.filter(({ process }) => process === 'running' || process === 'starting')
  if (there.length === 0) return { do: 'refuse', why }
  const ids = there.map(({ id }) => id)
  const step = promote({ ...record, synchronous: ids }, primary, there, known)
  return step.do === 'promote' ? { ...step, lossy: true } : step
}

/** Of two that are equal the one that has failed less; the one that was chosen before, if neither has. */
const ahead = (one: NodeView, other: NodeView, rank: (view: NodeView) => number): boolean =>
  one.lsn === other.lsn ? rank(one) < rank(other) : (one.lsn as bigint) > (other.lsn as bigint)
