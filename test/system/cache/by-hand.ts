import type { TestContext } from 'node:test'
import { cacheSource } from '../../../src/app/cache-source.ts'
import type { OutboxPorts } from '../../../src/app/outbox.ts'
import { shardHandles } from '../../../src/app/shards.ts'
import type { Placing, Shard } from '../../../src/app/types.ts'
import { cacheMetrics } from '../../../src/cache/cache-metrics.ts'
import { GuaranteedCache } from '../../../src/cache/cached.ts'
import { HotKeys } from '../../../src/cache/hot-keys.ts'
import { type LevelOptions, MemoryLevel } from '../../../src/cache/level.ts'
import { makeCacheKey, shardPrefix } from '../../../src/core/cache-key.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { createContextStorage, detachedContext } from '../../../src/core/context.ts'
import type { Doubt, LocalEffects } from '../../../src/core/effects.ts'
import { silentLogger } from '../../../src/core/log.ts'
import { systemRandom } from '../../../src/core/random.ts'
import { NOTHING_SEEN, type Seen } from '../../../src/core/seen.ts'
import { type SeenDirectory, SeenRecord } from '../../../src/core/seen-record.ts'
import { DataClient, prepareData, upkeepSessions } from '../../../src/data/index.ts'
import { createEffects } from '../../../src/effects/index.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { testDatabase } from '../../../src/testing/postgres.ts'
import { newRequestId } from '../kit/databases.ts'
import app from './app.ts'
import { type Answer, type Op, type PairStore, perform } from './operations.ts'
import type { Door } from './workload.ts'

/** What may be wrong, and whose commits are followed. */
export interface ByHand {
  readonly clusters: number
  /** Commits of another process reach the level through the relay alone. */
  readonly commits: 'own' | "another's"
  readonly level?: new (options: LevelOptions) => MemoryLevel
  /** What a cached value shows does not count for its session. */
  readonly forgetUpto?: boolean
}

/** A session's next request. */
class SeenSince extends SeenRecord {
  readonly #before: Seen
  constructor(directory: SeenDirectory, before: Seen) {
    super(directory)
    this.#before = before
  }
  protected override load(): Seen {
    return this.#before
  }
}

/** A process that learns of its commits by the relay, as those of another process do. */
const TELLS_NOBODY: LocalEffects = {
  begin: (): Doubt => ({ committed: () => {}, rolledBack: () => {}, unknown: () => {} }),
  replayed: () => {},
}

/** The cache on real databases, in this process and without the web, wired by hand so that bugs can be planted. */
export async function byHand(
  t: TestContext,
  planted: ByHand,
): Promise<Door & { reads(): Promise<string>; stopRelay(): Promise<void> }> {
  const databases = await Promise.all(Array.from({ length: planted.clusters }, () => testDatabase()))
  for (const { drop } of databases) t.after(drop)
  const clusters = databases.map(({ connection }, at) => ({ name: `c${at}`, connection }))
  const placing = app.placing as unknown as Placing<unknown>
  await prepareData({ clusters, placing, migrations: app.options.migrations, log: silentLogger })
  const [storage, clock, random, log] = [createContextStorage(), systemClock, systemRandom(), silentLogger]
  const data = new DataClient({
    clusters,
    placing,
    storage,
    log,
    clock,
    random,
    connectionsMax: 8,
    doubleRun: false,
  })
  const metrics = createMetrics({ processMetrics: false })
  const Level = planted.level ?? MemoryLevel
  const level = new Level({
    bytesMax: 2 ** 20,
    clusters: clusters.length,
    monotonic: () => clock.monotonic(),
  })
  const sessions = upkeepSessions(clusters, (ms, run) => clock.timer(ms, run))
  const effects = createEffects({ sessions, followers: [level], clock, log, metrics })
  const cache = new GuaranteedCache({
    level,
    source: cacheSource(data),
    storage,
    demand: effects.demand,
    clock,
    ttlClock: clock,
    random,
    pastMs: undefined,
    metrics: cacheMetrics(metrics),
    hotKeys: new HotKeys(random),
    log,
  })
  await data.start()
  t.after(() => data.stop())
  await effects.start()
  t.after(() => effects.stop())
  const local = planted.commits === 'own' ? effects.local : TELLS_NOBODY
  const handle = shardHandles(data, {
    outbox: { effects: local, storage, jobs: undefined, blobs: undefined } as unknown as OutboxPorts,
    place: (placement) => ({ placement, prefix: shardPrefix(placement) }),
    cached: (place, key, options, work) => cache.cached(place, key, options, work),
  })
  const shard = (id: string): Shard<never> => handle(data.target('pair', id))
  const names = clusters.map(({ name }) => name)
  return {
    session: (_name, tracked) => {
      let seen: Seen = NOTHING_SEEN
      return async (ops) => {
        const record = new SeenSince({ clusters: names, directoryEpoch: 1 }, seen)
        if (planted.forgetUpto) record.answered = () => {}
        const context = { ...detachedContext(newRequestId(), log), ...(tracked && { seen: record }) }
        const answers = await storage.run(context, () => performAll(storeOf(shard), ops))
        seen = record.result().seen
        return answers
      }
    },
    reads: () => metrics.text(),
    stopRelay: () => effects.stop(),
  }
}

async function performAll(store: PairStore, ops: readonly Op[]): Promise<Answer[]> {
  const all: Answer[] = []
  for (const [at, op] of ops.entries()) all.push(await perform(store, op, at))
  return all
}

function storeOf(shard: (id: string) => Shard<never>): PairStore {
  const key = (part: string, id: string) => makeCacheKey(part, [id])
  return {
    cached: (id, part, work) => shard(id).cached(key(part, id), { ttl: '30s' }, work as never) as never,
    write: (id, name, work) =>
      shard(id).write(name, (tx) => {
        tx.invalidate(key('a', id), key('b', id), key('page', id))
        return work(tx)
      }) as never,
  }
}
