import type { ContextStorage, RequestContext } from '../../core/context.ts'
import type { Placement } from '../../core/keys.ts'
import type { RandomSource } from '../../core/random.ts'
import type { ReplayHook } from '../../core/rider.ts'
import type { Cluster } from './cluster.ts'

export interface WriteOptions {
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable' | undefined
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Where a write goes; asked again before every attempt, because the directory may have changed. */
export interface Target {
  /** The key's text with its space, e.g. `user:12`; recorded in the marker. */
  readonly key: string
  readonly placement: Placement | 'home'
  route(): { cluster: Cluster; epoch: number }
}

/** Everything a write needs from its surroundings. */
export interface WriteEnvironment {
  readonly storage: ContextStorage
  /** The request's context, or a fresh one outside of any request. */
  readonly context: RequestContext
  readonly random: RandomSource
  /** Brings the directory up to date after the fence refused. */
  refresh(): Promise<void>
  /** Finds what a write that committed before has still to deliver. */
  readonly replayHook: ReplayHook | undefined
  /** Tests: run `work` once and roll back, before the run that counts. */
  readonly doubleRun: boolean
}
