import type { Clock } from '../../core/clock.ts'
import type { TenfoldError } from '../../core/errors.ts'
import type { Service } from '../../core/lifecycle.ts'
import type { Logger } from '../../core/log.ts'
import type { RandomSource } from '../../core/random.ts'

/** How to run one PostgreSQL server on this machine. */
export interface PostgresOptions {
  /** The PostgreSQL data folder, e.g. `.tenfold/pg/c0`. Its own files lie beside it in `<dataDir>.tenfold/`. */
  readonly dataDir: string
  /** Folder for the Unix socket, one for each server. When too long for a socket path a private folder in the temporary folder is used. */
  readonly runDir: string
  /** Receives what PostgreSQL prints; bounded, see {@link LOG_BYTES_MAX}. */
  readonly logFile: string
  readonly log: Logger
  /** Folder with `initdb` and `postgres`. @defaultValue the npm package of this platform */
  readonly pgBin?: string | undefined
  /** Processors that PostgreSQL may use. @defaultValue those of the machine or its control group */
  readonly cpu?: number | undefined
  /** Megabytes that PostgreSQL may use. @defaultValue a small share of the machine's */
  readonly memoryMb?: number | undefined
  /** Further PostgreSQL settings; they win over ours. */
  readonly settings?: Readonly<Record<string, string>> | undefined
  /** The part that it takes in its cluster's replication; absent: what the folder says. */
  readonly replication?: ReplicationPart | undefined
  /** Only takes over a server that runs already; if there is none the start fails. @defaultValue false */
  readonly adoptOnly?: boolean | undefined
  /** Also listen on TCP. @defaultValue the Unix socket only */
  readonly listen?: { readonly host: '127.0.0.1'; readonly port: number } | undefined
  /** Milliseconds that a start may take, crash recovery included. @defaultValue {@link START_MS_MAX} */
  readonly startTimeoutMs?: number | undefined
  /** Ends a start in progress; a server that already runs is not touched. */
  readonly signal?: AbortSignal | undefined
  readonly clock?: Clock | undefined
  readonly random?: RandomSource | undefined
}

/** See ../replication/settings.ts. */
export interface ReplicationPart {
  /** Starts as a standby, on a folder that is there already. Otherwise the folder decides: a standby stays one until it is promoted. */
  readonly standby: boolean
  /** The settings of its role, as text of a configuration file. */
  readonly conf: string
}

/** How a postmaster ended. */
export interface ExitInfo {
  readonly pid: number
  /** Whether {@link PostgresServer.stop} asked for it. */
  readonly expected: boolean
  /** Unknown (`null`) for an adopted server, which is not our child. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  /** The case that its log speaks of, e.g. `DiskFull`; undefined when it was asked for. */
  readonly reason: TenfoldError | undefined
  /** The last lines that PostgreSQL logged in this run. */
  readonly logTail: string
}

/** The states of one {@link PostgresServer}; DESIGN.md has the diagram. */
export type PostgresState =
  | 'absent'
  | 'initialising'
  | 'starting'
  | 'running'
  | 'stopping'
  | 'stopped'
  | 'crashed'

/** `kill` is for a server that must do nothing more: SIGKILL for each of its processes. All are gone when it resolves, but for those that the kernel holds. */
export type StopMode = 'fast' | 'immediate' | 'kill'

/**
 * One run of a PostgreSQL server. After it ended, make a new one for the same folder.
 *
 * The server outlives its owner: when this process is killed, the next {@link PostgresServer.start} on the
 * folder adopts it.
 */
export interface PostgresServer extends Service {
  readonly state: PostgresState
  /** Of the postmaster; undefined unless it runs. */
  readonly pid: number | undefined
  /** E.g. `18.4`. Empty before the start. */
  readonly version: string
  /** Give it to `pg` as `host`. Empty before the start. */
  readonly socketDir: string
  readonly port: number
  /** A superuser. */
  readonly user: string
  readonly password: string
  /** When the postmaster was started or adopted, in milliseconds since the epoch; 0 before. */
  readonly startedAt: number
  /** Whether it was already running, left behind by a killed process. */
  readonly adopted: boolean
  /** Whether this start made the data folder. */
  readonly created: boolean
  /** Resolves when the postmaster is gone, expected or not. Never rejects; does not keep the process alive. */
  readonly exited: Promise<ExitInfo>
  /** Replaces {@link ReplicationPart.conf} while it runs; it takes a moment to be in effect everywhere. */
  reload(conf: string): void
  /** Gives it up without ending it: it goes on, and whoever starts it next adopts it. */
  leave(): void
  /** `fast` rolls open transactions back; `immediate` is a crash on purpose: the next start recovers. */
  stop(options?: { readonly mode?: StopMode }): Promise<void>
}

/** The name of the superuser in every data folder that we make. */
export const SUPERUSER = 'tenfold'
/** The log is moved to `<logFile>.1` beyond this size, so that both together stay below twice this. */
export const LOG_BYTES_MAX = 10 * 1024 * 1024
export const START_MS_MAX = 300_000
/** After this long a fast stop becomes an immediate one. */
export const STOP_MS_MAX = 10_000
