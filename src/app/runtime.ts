import type { Cache } from '../cache/index.ts'
import type { Clock } from '../core/clock.ts'
import type { Service } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import type { HistoryLoss } from '../core/position.ts'
import type { RandomSource } from '../core/random.ts'
import type { DirectoryStatus, MemberStatus, SystemStatus } from '../core/topology.ts'
import type { ClusterMember, ClusterOptions } from '../data/client/types.ts'
import type { RelayAddress } from '../effects/index.ts'
import type { JobsOptions, JobsParts } from '../jobs/index.ts'
import type { Handler } from '../web/options.ts'
import type { AppDefinition, Placing, System } from './types.ts'

/** The relays of other processes, of which one leads each cluster. */
export interface RelayOptions {
  /** All of them, in any order; the application starts and serves without them, only slower. */
  readonly addresses: readonly RelayAddress[]
  /** 32 bytes or more, the same for all; over TCP it is required. */
  readonly secret?: Buffer
  /** What the relay's log calls this process. @defaultValue its process id */
  readonly name?: string
}

/** What the composition root hands to an application. */
export interface RuntimeOptions {
  readonly clusters: readonly ClusterOptions[]
  /** Connections per cluster for writes and for exclusive reads. @defaultValue 10 */
  readonly connectionsMax?: number
  /** Newest first; the first signs, all verify. At least one, 32 bytes or more each. */
  readonly signingKeys: readonly Buffer[]
  readonly log: Logger
  readonly clock?: Clock
  readonly random?: RandomSource
  /** Whether cookies are marked Secure and carry the `__Host-` prefix. */
  readonly secureCookies: boolean
  /** Addresses or CIDR ranges of proxies whose X-Forwarded-For is believed. @defaultValue none */
  readonly trustedProxies?: readonly string[]
  /** Where `system.blobs` keeps its files. @defaultValue none: `system.blobs` raises BlobOptionInvalid */
  readonly blobFolder?: string
  /** Where large bodies wait while their requests are handled. @defaultValue none: they wait in memory */
  readonly spoolFolder?: string
  /** Milliseconds that `stop` waits for requests in flight; then they are ended with a 503. @defaultValue 10_000 */
  readonly drainMs?: number
  /** Tests: run every write's `work` twice, the first run rolled back. @defaultValue false */
  readonly doubleRun?: boolean
  /**
   * Whether jobs are run here; without it they wait for `jobs.drain` or for other processes. `later`: from
   * {@link Runtime.beginJobs} on. @defaultValue true
   */
  readonly runJobs?: boolean | 'later'
  /** Jobs that run at once. @defaultValue 10 */
  readonly jobSlots?: number
  /** No other process runs jobs of these clusters: what a dead one held is taken back at the start. @defaultValue false */
  readonly soleWorker?: boolean
  /**
   * No other process serves this application: what a session was shown here it need not be held to where this cache is past
   * it already. @defaultValue false
   */
  readonly soleProcess?: boolean
  /** Times of the worker, in milliseconds; see src/jobs/defaults.ts. */
  readonly jobTimes?: JobsOptions['times']
  /** Bytes of the guaranteed cache. @defaultValue 64 MiB */
  readonly cacheBytes?: number
  /** Tests: compare every cached value that is given with its loader. @defaultValue false */
  readonly cacheAudit?: boolean
  /** @defaultValue none: this process has a relay of its own, a candidate for each cluster */
  readonly relay?: RelayOptions
}

/** An application that runs: `start` connects, checks the catalog, and is ready when it resolves. */
export interface Runtime extends Service {
  readonly system: System<unknown, Placing<unknown>>
  /** Handles one request through Node's own objects; mount it on any `node:http` server. */
  readonly listener: (
    req: import('node:http').IncomingMessage,
    res: import('node:http').ServerResponse,
  ) => void
  /** The request path, for a web server. */
  readonly handler: Handler
  /** Whether traffic may come: databases answer, not stopping. */
  ready(): Promise<{ ready: boolean; reason?: string }>
  /** Prometheus text format. */
  metricsText(): Promise<string>
  directory(): DirectoryStatus
  /** The servers of each cluster, as this process knows them. */
  databases(): Readonly<Record<string, readonly MemberStatus[]>>
  /** Of each cluster's effects, as far as this process delivers them. */
  relay(): SystemStatus['relay']
  /** Starts the worker, where `runJobs` is `later`: what requests need comes first. */
  beginJobs(): Promise<void>
  /** For tests and `tenfold jobs`. */
  readonly jobs: Pick<JobsParts, 'drain' | 'list' | 'retry' | 'discard'>
  /** For `tenfold cache inspect`. */
  readonly cache: Pick<Cache, 'inspect' | 'inspectKey'>
  /** Position of a cluster's primary, for `status`. */
  position(cluster: string): Promise<{ lsn: string; timeline: number }>
  /** The members of a cluster are these now, in whatever roles; it looks at them at once. */
  members(cluster: string, members: readonly ClusterMember[], losses?: readonly HistoryLoss[]): void
  /** Stops taking requests (readiness fails, answers say `Connection: close`); `stop` then waits for those in flight. */
  drain(): void
}

export type CreateRuntime = (definition: AppDefinition, options: RuntimeOptions) => Runtime
