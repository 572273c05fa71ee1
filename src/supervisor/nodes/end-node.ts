import type { Clock } from '../../core/clock.ts'
import { within } from '../../data/postgres/end.ts'
import { watch } from '../../data/postgres/launch.ts'
import { type ProcessIdentity, signal } from '../../data/postgres/process.ts'

/** A stop of a node that takes longer is ended by force. */
export const NODE_STOP_MS_MAX = 9_000

/** Ends a node's process that an earlier supervisor started: in order, or by force. */
export async function endNode(identity: ProcessIdentity, clock: Clock): Promise<void> {
  const { gone } = watch(identity, clock)
  signal(identity, 'SIGTERM')
  while (!(await within(gone, NODE_STOP_MS_MAX, clock))) signal(identity, 'SIGKILL')
}
