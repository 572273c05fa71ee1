import { createRuntime } from '../../../../src/app/compose.ts'
import type { AppDefinition } from '../../../../src/app/types.ts'
import { type LogFields, type Logger, silentLogger } from '../../../../src/core/log.ts'
import type { ClusterOptions } from '../../../../src/data/client/types.ts'
import type { Times } from '../../../../src/jobs/types.ts'
import { type Hooks, type LateInput, type LateSystem, late } from './late.ts'

/** What a node is made of, besides what its handlers meet. */
export interface NodeOptions {
  readonly clusters: readonly ClusterOptions[]
  /** Of its worker. */
  readonly times: Partial<Times>
}

/** A node that runs late jobs, and records them in their owners' shards. */
export interface LateNode {
  enqueue(input: LateInput): Promise<unknown>
  stop(): Promise<void>
}

export async function startNode(
  { clusters, times }: NodeOptions,
  hooks: Hooks & { readonly warned: (fields: LogFields, message: string) => void },
): Promise<LateNode> {
  const { app, job } = late(hooks)
  const log: Logger = { ...silentLogger, warn: hooks.warned, child: () => log }
  const runtime = createRuntime(app as unknown as AppDefinition, {
    clusters,
    signingKeys: [Buffer.alloc(32, 'late')],
    log,
    secureCookies: false,
    jobTimes: times,
    connectionsMax: 4,
  })
  await runtime.start()
  const { shard } = runtime.system as unknown as LateSystem
  return {
    enqueue: (input) =>
      shard.owner(input.owner).write(`ask for ${input.owner}`, async (tx) => tx.enqueue(job, input)),
    stop: () => runtime.stop(),
  }
}
