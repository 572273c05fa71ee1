import type { SystemStore } from '../../core/ports.ts'
import { sweepEverywhere } from '../../core/sweep.ts'

/** Deletes markers whose time is over. */
export function sweepMarkers(store: SystemStore): Promise<void> {
  return sweepEverywhere(store, 'markers', 'keep_until < now()')
}
