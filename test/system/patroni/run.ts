import type { TestContext } from 'node:test'
import type { ClusterOptions, ConnectionOptions } from '../../../src/data/client/types.ts'
import { prepareKit } from '../kit/databases.ts'
import { assertSound } from '../kit/judge.ts'
import { CookieMemory, HeaderMemory } from '../kit/memory.ts'
import { productServer } from '../kit/product.ts'
import { chooseSeed, Dice } from '../kit/seed.ts'
import { BETWEEN, working } from '../kit/working.ts'
import { startWorkload, type Workload } from '../kit/workload.ts'
import { FAULTS, type FaultName } from './faults.ts'
import type { PatroniCluster } from './kit.ts'

export const SESSIONS = 6
const RUN_MS_MAX = 1_800_000
/** Milliseconds; with shipped settings an outage takes forty seconds. */
const PATIENCE_MS = 180_000

export interface RunOptions {
  /** Of a database that this run makes. */
  readonly database: string
  /** How the client is told of the cluster, from the members' addresses of that database. */
  readonly clusters: (members: readonly ConnectionOptions[]) => readonly ClusterOptions[]
  readonly faults: readonly FaultName[]
  /** Replicas answer reads: sessions keep what a client keeps, and are held to what they have seen. @defaultValue false */
  readonly copies?: boolean
}

export interface RunResult {
  /** Answers other than success, by their reason; clients sent those requests again. */
  readonly troubles: Readonly<Record<string, number>>
  /** Milliseconds that the slowest operation took, all its attempts together, over each fault in turn. */
  readonly longestMs: readonly (readonly [FaultName, number])[]
}

/**
 * Runs the product with the kit's workload on a Patroni cluster, does the faults one after the other with work in
 * between, and judges the history: nothing acknowledged lost, nothing applied twice, nobody shown anything older.
 */
export async function runOverFaults(
  t: TestContext,
  cluster: PatroniCluster,
  { database, clusters, faults, copies = false }: RunOptions,
): Promise<RunResult> {
  const seed = chooseSeed()
  t.diagnostic(`TENFOLD_SEED=${seed}`)
  const members = await cluster.create(database)
  const options = clusters(members)
  await prepareKit(options)
  const stop = new AbortController()
  const workload = startWorkload({
    url: await productServer(t, options),
    dice: new Dice(seed).branch(1),
    sessions: SESSIONS,
    durationMs: RUN_MS_MAX,
    patienceMs: PATIENCE_MS,
    signal: stop.signal,
    ...(copies && { memory: (at: number) => (at % 2 === 0 ? new CookieMemory() : new HeaderMemory()) }),
  })
  const longestMs: [FaultName, number][] = []
  try {
    for (const fault of faults) longestMs.push([fault, await strike(t, cluster, workload, fault)])
  } finally {
    stop.abort()
    await workload.done.catch(() => {})
  }
  await workload.done
  const troubles = workload.troubles()
  t.diagnostic(JSON.stringify({ troubles, longestMs }))
  await assertSound(t, workload.recorder, [members[await cluster.primary()]!], `seed ${seed}`, { copies })
  return { troubles, longestMs }
}

/** @returns how long the slowest operation took that was begun since the work before it */
async function strike(
  t: TestContext,
  cluster: PatroniCluster,
  workload: Workload,
  fault: FaultName,
): Promise<number> {
  const bounded = working(workload, RUN_MS_MAX)
  await bounded(workload.progress(BETWEEN), `work before: ${fault}`)
  const { operations } = workload.recorder
  const begun = operations.length
  await bounded(FAULTS[fault](cluster, t), fault)
  await bounded(workload.progress(BETWEEN), `work after: ${fault}`)
  return Math.max(
    ...operations
      .slice(Math.max(0, begun - SESSIONS))
      .map(({ invokedMs, returnedMs }) => returnedMs - invokedMs),
  )
}
