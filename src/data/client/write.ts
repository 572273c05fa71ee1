import type { ContextStorage, RequestContext } from '../../core/context.ts'
import type { Jsonified } from '../../core/json.ts'
import type { Placement } from '../../core/keys.ts'
import type { RandomSource } from '../../core/random.ts'
import { NestedWrite, WriteNameReused } from '../errors.ts'
import type { Cluster } from './cluster.ts'
import { type Marker, markerId } from './marker.ts'
import type { TxHandle } from './transaction.ts'
import { WriteRun } from './write-run.ts'

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
  /** Tests: run `work` once and roll back, before the run that counts. */
  readonly doubleRun: boolean
}

/**
 * Runs `work` in a transaction that is applied exactly once (DESIGN.md beside this file). Three round trips:
 * BEGIN with fence and marker; what `work` sends; the result with COMMIT and its position.
 *
 * Lost at whatever byte, it runs again with the same marker: in flight still, the claim blocks; committed, the
 * claim conflicts and the stored result is returned; else it runs.
 */
export async function write<Tables, R>(
  env: WriteEnvironment,
  target: Target,
  name: string,
  work: (tx: TxHandle<Tables>) => Promise<R>,
  options: WriteOptions = {},
): Promise<Jsonified<R>> {
  const { context } = env
  if (context.write) throw new NestedWrite(name, context.write.name)
  if (context.writeNames.has(name)) throw new WriteNameReused(name)
  context.writeNames.add(name)
  const marker: Marker = { id: markerId(context.requestId, name), name, key: target.key }
  const run = new WriteRun<Tables, R>(env, target, marker, work, options)
  try {
    return (await run.resolve()) as Jsonified<R>
  } catch (error) {
    // Nothing was applied: the caller may try again under the same name.
    if (!run.inDoubt) context.writeNames.delete(name)
    throw error
  }
}
