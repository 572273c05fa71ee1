import { isTenfoldError } from '../../core/errors.ts'
import type { Position, Settlement } from '../../core/position.ts'
import { within } from '../../core/within.ts'
import { DataUnavailable } from '../errors.ts'
import type { DataNode } from './node.ts'
import type { ReadEnvironment } from './read-retry.ts'
import { Backoff, type Deadline } from './retry.ts'

/**
 * Before the primary, or a cache that was filled from it, answers a session: waits until it shows what a replica has shown that
 * session. Undefined when there is nothing to wait for, which costs no turn.
 * @param own whether what replicas answered this very request counts, too
 * @throws DataUnavailable when that is not so until the deadline
 */
export function settled(
  env: ReadEnvironment,
  deadline: Deadline,
  { own, signal }: { readonly own: boolean; readonly signal?: AbortSignal | undefined },
): Promise<void> | undefined {
  const need = env.context?.seen?.unsettled(env.cluster.name, own)
  if (need === undefined || isSettled(env, need)) return undefined
  return settle(env, need, deadline, signal)
}

/** Whether the primary is known to show all up to there; then its reading takes the place of what a replica has shown the session. */
export function isSettled({ cluster, context }: ReadEnvironment, upto: Position): boolean {
  const known = cluster.primaryNow?.settling.known(upto)
  if (known) context?.seen?.settled(cluster.name, known.upto, known.reading)
  return known !== undefined
}

async function settle(
  env: ReadEnvironment,
  need: Position,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { cluster, context } = env
  const { upto, reading } = await found(env, need, deadline, signal)
  // Beyond the end of what there is it was seen in a history that is lost. Of a later timeline somebody else may know.
  const isLost = need.timeline === upto.timeline && need.lsn > upto.lsn
  context?.seen?.settled(cluster.name, isLost ? need : upto, reading)
}

async function found(
  { cluster, random }: ReadEnvironment,
  need: Position,
  deadline: Deadline,
  signal: AbortSignal | undefined,
): Promise<Settlement> {
  const { clock, metrics, name } = cluster
  const backoff = new Backoff(clock, random)
  const late = () =>
    new DataUnavailable(
      name,
      'not applied',
      new Error('the primary does not show yet what a replica has: commits wait for a standby'),
    )
  metrics.settles.value++
  for (let sought = false; ; ) {
    let node: DataNode | undefined
    try {
      node = await cluster.primary(deadline.leftMs)
      const settlement = await within(clock, node.settling.reach(need), deadline.leftMs, late, signal)
      if (sought || settlement.upto.timeline >= need.timeline) return settlement
      sought = true
      await cluster.seek(need.timeline)
    } catch (error) {
      signal?.throwIfAborted()
      if (isTenfoldError(error)) throw error
      if (deadline.passed) throw new DataUnavailable(name, 'not applied', error)
      if (node) cluster.failed(node, error)
      await backoff.pause(deadline, signal)
    }
  }
}
