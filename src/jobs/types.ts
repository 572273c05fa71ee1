import type { Clock } from '../core/clock.ts'
import type { ContextStorage } from '../core/context.ts'
import type { Duration } from '../core/duration.ts'
import type { Json } from '../core/json.ts'
import type { Placement } from '../core/keys.ts'
import type { Logger } from '../core/log.ts'
import type { SystemStatement, SystemStore, UpkeepSessions } from '../core/ports.ts'
import type { Position } from '../core/position.ts'
import type { RandomSource } from '../core/random.ts'
import type { SeenScope } from '../core/seen.ts'
import type { MetricsRegistry } from '../telemetry/metrics.ts'

/** Where a job lies: the shard of the transaction that recorded it, or the home tables. */
export type JobPlace = Placement | 'home'

/** The part of a zod schema that is used here. */
export interface InputSchema {
  safeParse(value: unknown): { success: true; data: unknown } | { success: false; error: { message: string } }
}

/** How the jobs of a kind are run. */
export interface JobSettings {
  /** Runs at most, before the job is put aside as dead. @defaultValue 10 */
  readonly attempts?: number
  /** How long one run may take; then `signal` is aborted and the run counts as failed. @defaultValue '60s' */
  readonly timeout?: Duration
  /** First and longest wait between runs, doubled in between; the wait is drawn from 0 up to it. @defaultValue ['1s', '15m'] */
  readonly backoff?: readonly [first: Duration, longest: Duration]
  /** @defaultValue 0 */
  readonly priority?: number
  /** Jobs of this kind that may run at once for one owner, over all workers. @defaultValue unlimited */
  readonly concurrency?: number
  /** A cron expression (UTC, five or six fields). `input` must accept `{}`. Runs once for each time, over all workers. */
  readonly cron?: string
}

/** A kind of job as `t.job` makes it, without the types of its input and of what its handler gets. */
export interface JobDefinition {
  readonly name: string
  readonly options: JobSettings & {
    readonly input: InputSchema
    readonly run: (run: never, system: never) => Promise<void>
  }
}

/** How a job is put into the queue. */
export interface EnqueueOptions {
  /** Not before this time has passed. */
  readonly delay?: Duration
  /** Not before this moment. */
  readonly runAt?: Date
  /** −100 … 100; higher goes first. @defaultValue that of the job, else 0 */
  readonly priority?: number
  /** While a job of this kind with the same unique key waits or runs, no second one is added. In a transaction the key counts within its shard. */
  readonly unique?: string
  /** Whose job it is: jobs of one owner take turns with those of others. @defaultValue the shard of the transaction */
  readonly owner?: string
}

/** A job that is about to be recorded. */
export interface EnqueueRequest {
  readonly job: JobDefinition
  readonly input: unknown
  readonly options: EnqueueOptions
  readonly placement: JobPlace
  /** The commit marker of the transaction, and how many jobs it has recorded before: together they name the job. */
  readonly marker: string
  readonly ordinal: number
  readonly seen: string
}

export const JOB_STATES = ['ready', 'delayed', 'blocked', 'running', 'dead'] as const
export type JobState = (typeof JOB_STATES)[number]

/** A job that waits, runs or has been put aside. A job that is done is gone. */
export interface JobStatus {
  readonly id: string
  readonly name: string
  readonly state: JobState
  readonly attempt: number
  readonly attemptsMax: number
  readonly priority: number
  readonly runAt: string
  readonly createdAt: string
  readonly progress: Json | null
  /** Why its last run failed. */
  readonly error: string | null
  readonly input: Json
}

/**
 * A write of a running job in its own shard: `work` under an exactly-once marker of `name`, and `last` in the round
 * trip of its COMMIT. A failure of `last` undoes all of it and is thrown as PostgreSQL raised it.
 */
export type FencedWrite = (
  place: JobPlace,
  name: string,
  work: (tx: never) => Promise<unknown>,
  last: SystemStatement,
  options: object | undefined,
) => Promise<unknown>

/** What jobs need from outside. */
export interface JobsOptions {
  readonly jobs: readonly JobDefinition[]
  /** What a handler gets as its second argument; asked when a job runs. */
  readonly system: () => unknown
  readonly store: SystemStore
  readonly sessions: UpkeepSessions
  readonly storage: ContextStorage
  readonly write: FencedWrite
  readonly clusterOf: (place: JobPlace) => string
  /** What a run may not see anything older than: what its enqueuer had seen, and the position of its claim. */
  readonly seen: (text: string, cluster: string, position: Position) => SeenScope
  readonly clock: Clock
  readonly random: RandomSource
  readonly log: Logger
  readonly metrics: MetricsRegistry
  /** Runs of this process at once. @defaultValue 10 */
  readonly slots?: number | undefined
  /** No other worker is alive: what others hold is taken back at once. @defaultValue false */
  readonly soleWorker?: boolean | undefined
  /** Milliseconds; each has a default in defaults.ts. */
  readonly times?: Partial<Times> | undefined
}

/** Times of a worker, in milliseconds. */
export interface Times {
  /** What a claim may hold without a word. */
  readonly lease: number
  /** Between two heartbeats. */
  readonly heartbeat: number
  /** How long an idle worker waits before it looks by itself. */
  readonly poll: number
  /** How long a stop waits for what runs, then again after it has aborted it. */
  readonly stop: number
  readonly abort: number
  /** How long a job whose worker vanished waits for what runs here, and how long nothing is claimed beside it. */
  readonly alone: number
  /** Between two looks at blocked jobs that nobody released. */
  readonly repair: number
}
