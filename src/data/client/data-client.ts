import type { Clock } from '../../core/clock.ts'
import { type ContextStorage, detachedContext, type RequestContext } from '../../core/context.ts'
import type { Jsonified } from '../../core/json.ts'
import type { KeyInput, Placement } from '../../core/keys.ts'
import type { Logger } from '../../core/log.ts'
import type { Queryable } from '../../core/ports.ts'
import {
  type HistoryLoss,
  POSITION_SQL,
  type Position,
  type PositionRow,
  positionOfRow,
} from '../../core/position.ts'
import type { RandomSource } from '../../core/random.ts'
import type { ReplayHook } from '../../core/rider.ts'
import { uuidv7 } from '../../core/uuid.ts'
import type { MetricsRegistry } from '../../telemetry/metrics.ts'
import { Statements } from '../connection/statements.ts'
import { clusterOf, type Directory } from '../shards/directory.ts'
import { shardKey } from '../shards/key.ts'
import { loadDirectory } from '../shards/place.ts'
import type { PlacedTables } from '../shards/placing.ts'
import { Cluster } from './cluster.ts'
import { ownedId, placementOfId } from './ids.ts'
import { withinRequest } from './outcome.ts'
import { read } from './read.ts'
import type { ReadHandle } from './read-handle.ts'
import type { ReadOptions } from './read-retry.ts'
import { Deadline } from './retry.ts'
import { settled } from './settled.ts'
import { Snowflakes } from './snowflake.ts'
import type { TxHandle } from './transaction.ts'
import type { ClusterMember, ClusterOptions } from './types.ts'
import { write } from './write.ts'
import type { Target, WriteOptions } from './write-types.ts'

/** Milliseconds to ask a primary for its position. */
const POSITION_DEADLINE_MS = 1000
/** What is under way when the client stops has this long to end; a statement's own deadline is as long. */
const STOP_MS_MAX = 10_000

export interface DataClientOptions {
  readonly clusters: readonly ClusterOptions[]
  readonly placing: PlacedTables
  readonly storage: ContextStorage
  readonly log: Logger
  readonly clock: Clock
  readonly random: RandomSource
  readonly connectionsMax: number
  /** No other process serves sessions from these clusters. @defaultValue false */
  readonly soleProcess?: boolean | undefined
  /** Tests: run every write's `work` twice, the first run rolled back. */
  readonly doubleRun: boolean
  /** Finds what a write that committed before has still to deliver. */
  readonly replayHook?: ReplayHook | undefined
  readonly metrics?: MetricsRegistry | undefined
}

/** A checked key and where it lies. */
export type Aim = { readonly key: string; readonly placement: Placement }

/** Reads and writes over all clusters: routes by the directory, and keeps every promise of DESIGN.md here. */
export class DataClient {
  readonly #options: DataClientOptions
  readonly #clusters: ReadonlyMap<string, Cluster>
  readonly #names: readonly string[]
  readonly #newRequestId: () => string
  readonly snowflakes: Snowflakes
  #directory: Directory | undefined
  #refreshing: Promise<void> | undefined

  constructor(options: DataClientOptions) {
    const { clock, connectionsMax, random, soleProcess, log, metrics } = options
    const statements = new Statements()
    this.#options = options
    this.#names = options.clusters.map(({ name }) => name)
    this.#clusters = new Map(
      options.clusters.map((c) => [
        c.name,
        new Cluster(c, { connectionsMax, clock, statements, log, metrics, soleProcess }),
      ]),
    )
    this.#newRequestId = uuidv7(clock, random)
    this.snowflakes = new Snowflakes({
      clock,
      log: options.log,
      home: (work, deadlineMs) => this.#upkeep(work, deadlineMs),
    })
  }

  /** Loads the directory and takes what has to be leased. */
  async start(): Promise<void> {
    await this.refresh()
    await this.snowflakes.start()
  }

  /** Waits for what is under way, `waitMs` at most, then closes every session. What is cut is not acknowledged. */
  async stop({ waitMs = STOP_MS_MAX }: { readonly waitMs?: number } = {}): Promise<void> {
    await this.snowflakes
      .stop()
      .catch((error: unknown) =>
        this.#options.log.warn({ err: error }, 'could not give back the worker number'),
      )
    const clusters = [...this.#clusters.values()]
    const timer = this.#options.clock.timer(waitMs, () => {
      for (const cluster of clusters) cluster.destroyAll(new Error('The data client is stopped'))
    })
    await Promise.all(clusters.map((cluster) => cluster.close()))
    timer.cancel()
  }

  /** @throws Error before `start` */
  get directory(): Directory {
    if (!this.#directory) throw new Error('The data client has not been started')
    return this.#directory
  }

  get clusterNames(): readonly string[] {
    return this.#names
  }

  /** Reads the directory again; concurrent calls share one reading. */
  refresh(): Promise<void> {
    this.#refreshing ??= read(this.#reading(this.#home), (db) => loadDirectory(db, this.#names), {
      primary: true,
    })
      .then((directory) => {
        // A slow reading must not undo a newer one.
        if (!this.#directory || directory.epoch >= this.#directory.epoch) this.#directory = directory
      })
      .finally(() => {
        this.#refreshing = undefined
      })
    return this.#refreshing
  }

  /** Checks and places a key of a key space. @throws BadKey */
  target(space: string, key: KeyInput): Aim {
    const declared = this.#options.placing.keys[space]
    if (!declared) throw new RangeError(`There is no key space ${space}`)
    const { text, bucket, tag } = shardKey(declared.type, key)
    return { key: `${space}:${text}`, placement: { bucket, tag } }
  }

  /** The owner's shard of an id drawn by {@link ownedId}. @throws BadKey */
  targetOfId(space: string, id: string): Aim {
    const placement = placementOfId(id)
    return { key: `${space}#${placement.bucket}.${placement.tag}`, placement }
  }

  ownedId(owner: Placement): string {
    return ownedId(owner, this.#options.storage.current(), this.#options.clock, this.#options.random)
  }

  readAt<Tables, R>(
    placement: Placement,
    work: (db: ReadHandle<Tables>) => Promise<R>,
    options?: ReadOptions,
  ): Promise<R> {
    return read(this.#reading(this.cluster(clusterOf(this.directory, placement))), work, options)
  }

  readHome<Tables, R>(work: (db: ReadHandle<Tables>) => Promise<R>, options?: ReadOptions): Promise<R> {
    return read(this.#reading(this.#home), work, options)
  }

  readEach<Tables, R>(
    work: (db: ReadHandle<Tables>, cluster: string) => Promise<R>,
    options?: ReadOptions,
  ): Promise<R[]> {
    return Promise.all(
      [...this.#clusters.values()].map((cluster) =>
        read<Tables, R>(this.#reading(cluster), (db) => work(db, cluster.name), options),
      ),
    )
  }

  writeAt<Tables, R>(
    target: Aim,
    name: string,
    work: (tx: TxHandle<Tables>) => Promise<R>,
    options?: WriteOptions,
  ): Promise<Jsonified<R>> {
    const { key, placement } = target
    const route = () => {
      const directory = this.directory
      return {
        cluster: this.cluster(clusterOf(directory, placement)),
        epoch: directory.bucketEpoch[placement.bucket] as number,
      }
    }
    return this.#write({ key, placement, route }, name, work, options)
  }

  writeHome<Tables, R>(
    name: string,
    work: (tx: TxHandle<Tables>) => Promise<R>,
    options?: WriteOptions,
  ): Promise<Jsonified<R>> {
    return this.#write(
      { key: 'home', placement: 'home', route: () => ({ cluster: this.#home, epoch: 0 }) },
      name,
      work,
      options,
    )
  }

  /** Where a cluster's primary stands. @throws DataUnavailable when it does not answer in time */
  async positionOf(name: string, deadlineMs = POSITION_DEADLINE_MS): Promise<Position> {
    const [row] = await read(this.#reading(this.cluster(name)), (db) => db.query<PositionRow>(POSITION_SQL), {
      deadlineMs,
      primary: true,
    })
    return positionOfRow(row as PositionRow)
  }

  /**
   * Before a cache of what `name`'s primary showed answers the request under way: waits until whatever a replica has shown its session
   * before is settled; see `SeenScope`. Undefined when there is nothing to wait for.
   */
  settle(name: string, deadlineMs: number): Promise<void> | undefined {
    const env = this.#reading(this.cluster(name))
    const settling = settled(env, new Deadline(env.cluster.clock, deadlineMs), { own: false })
    return settling?.catch((error: unknown) => {
      throw withinRequest(error, env.context)
    })
  }

  /**
   * Replaces the servers of a cluster while it runs. Roles are found out by asking; calls under way go on, on the servers
   * that are there.
   */
  setMembers(cluster: string, members: readonly ClusterMember[], losses?: readonly HistoryLoss[]): void {
    if (losses) this.cluster(cluster).setLosses(losses)
    this.cluster(cluster).setMembers(members)
  }

  /** Something may have changed: asks a cluster's servers at once who they are. Resolves when all have answered or were silent. */
  lookAgain(cluster: string): Promise<void> {
    return this.cluster(cluster).lookAgain()
  }

  cluster(name: string): Cluster {
    return this.#clusters.get(name) as Cluster
  }

  get #home(): Cluster {
    return this.cluster(this.#names[0] as string)
  }

  #reading(cluster: Cluster) {
    return { cluster, random: this.#options.random, context: this.#options.storage.current() }
  }

  #write<Tables, R>(
    target: Target,
    name: string,
    work: (tx: TxHandle<Tables>) => Promise<R>,
    options?: WriteOptions,
  ): Promise<Jsonified<R>> {
    const { storage, random, doubleRun, log, replayHook } = this.#options
    const context: RequestContext = storage.current() ?? detachedContext(this.#newRequestId(), log, true)
    return write(
      { storage, context, random, doubleRun, replayHook, refresh: () => this.refresh() },
      target,
      name,
      work,
      options,
    )
  }

  /** A fenced transaction at home under a marker of its own, for the platform's own upkeep. */
  #upkeep<R>(work: (db: Queryable) => Promise<R>, deadlineMs: number): Promise<Jsonified<R>> {
    return this.#options.storage.run(detachedContext(this.#newRequestId(), this.#options.log), () =>
      this.#write(
        { key: 'home', placement: 'home', route: () => ({ cluster: this.#home, epoch: 0 }) },
        'tenfold.upkeep',
        work,
        { deadlineMs },
      ),
    )
  }
}
