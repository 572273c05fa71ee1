import type { Jsonified } from '../../core/json.ts'
import { NestedWrite, WriteNameReused } from '../errors.ts'
import { type Marker, markerId } from './marker.ts'
import type { TxHandle } from './transaction.ts'
import { WriteRun } from './write-run.ts'
import type { Target, WriteEnvironment, WriteOptions } from './write-types.ts'

/**
 * Runs `work` in a transaction that is applied exactly once (DESIGN.md beside this file). BEGIN with
 * fence and marker leave with the first statement of `work`, or before it when a run may have committed already; the
 * result leaves with COMMIT and the question for its position.
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
