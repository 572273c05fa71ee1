import type { Position } from '../../core/position.ts'
import { DataUnavailable } from '../errors.ts'
import { FALLBACKS_MAX } from './copies.ts'
import type { FallbackReason } from './read-metrics.ts'
import type { ReadEnvironment, ReadOptions } from './read-retry.ts'
import type { Deadline } from './retry.ts'

/**
 * Whether a replica may answer: there are some, nothing is decided by the answer, and there is a session whose token says
 * what it must not go back behind. A script has none, and what it wrote it expects to read.
 *
 * What goes into the guaranteed cache is read on the primary: loads that wait for each other rely on it that whoever
 * begins later sees more.
 */
export function mayLeavePrimary(
  { cluster, context }: ReadEnvironment,
  { primary, span }: ReadOptions,
): boolean {
  return cluster.isWatched && !primary && span === undefined && context?.seen !== undefined && !context.write
}

/**
 * Whether what the primary shows is remembered with the session, where a copy may answer it next. What the platform decides by
 * is shown to nobody; for what is cached its cache accounts.
 */
export function isTraced(
  { cluster, context }: Pick<ReadEnvironment, 'cluster' | 'context'>,
  { primary, span }: ReadOptions = {},
): boolean {
  return cluster.hasCopies && context?.seen !== undefined && !primary && span === undefined
}

/** The session has seen what the primary had at this place: its word is the end of what there is. */
export function shownByPrimary(
  { cluster, context }: Pick<ReadEnvironment, 'cluster' | 'context'>,
  upto: Position | undefined,
): void {
  if (upto) context?.seen?.answered(cluster.name, upto, 'primary')
}

/**
 * A read that no replica could answer, on the primary. So many may be there at once; the others wait for a place.
 * @throws DataUnavailable when there was none for the whole deadline, or 20,000 wait already; the signal's reason
 */
export async function fallingBack<R>(
  { cluster }: ReadEnvironment,
  deadline: Deadline,
  { why, signal }: { readonly why: FallbackReason; readonly signal: AbortSignal | undefined },
  work: () => Promise<R>,
): Promise<R> {
  const { metrics, copies, name } = cluster
  metrics.fallback(why)
  const admitted = await copies.admission.enter(deadline.leftMs, signal)
  if (admitted !== 'in') {
    const taken = `all ${FALLBACKS_MAX} places on the primary for reads that no replica can answer were taken (${WHY[why]})`
    const full = admitted === 'full' ? `${taken}, and too many wait for one` : taken
    throw new DataUnavailable(name, 'not applied', new Error(full))
  }
  try {
    const result = await work()
    metrics.primary.value++
    return result
  } finally {
    copies.admission.leave()
  }
}

const WHY: Readonly<Record<FallbackReason, string>> = {
  token: 'the session has seen another timeline',
  none: 'there is no replica that may answer',
  behind: 'all replicas are behind',
  refused: 'a replica refused',
}
