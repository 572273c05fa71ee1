import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import type { RandomSource } from '../core/random.ts'
import type { SystemStatus } from '../core/topology.ts'
import type { Ports, StartRequest } from './start-request.ts'
import type { StateFolder } from './state-folder.ts'
import type { Steps } from './steps.ts'

/** What the server process is made of: everything in it, or the supervisor of nodes. */
export interface ServerPart {
  /** Resolves when requests are answered. */
  start(): Promise<{ readonly ports: Ports; readonly notes: readonly string[] }>
  stop(how: StopHow): Promise<void>
  /** Undoes a start that has failed: what was there before goes on, and so does all of a system that has served. */
  giveUp(): Promise<void>
  /** Hurries a stop that is under way. */
  hurry(): void
  /** Takes the certificate that its files hold now. */
  renewTls(): void
  status(): Promise<SystemStatus>
}

export interface StopHow {
  /** Leaves PostgreSQL to the server process that follows. */
  readonly keepPostgres: boolean
  /** Does not wait for requests in flight. */
  readonly fast: boolean
}

/** What goes on when a server process ends: nothing, what it has adopted, or everything that has a process of its own. */
export type Left = 'nothing' | 'adopted' | 'all'

/** After a start that failed. A server process that is started again is tried again, and finds everything as it was. */
export const leftByFailure = ({ ports }: Pick<ServerOptions, 'ports'>): Left =>
  ports === undefined ? 'adopted' : 'all'

export interface ServerOptions {
  readonly request: StartRequest
  readonly folder: StateFolder
  /** Of the server process before this one, so that a free port stays the same. */
  readonly ports: Ports | undefined
  readonly log: Logger
  readonly clock: Clock
  readonly random: RandomSource
  readonly steps: Steps
  /** Ends a start in progress. */
  readonly signal: AbortSignal
  /** Someone asked for the end over the control socket. */
  readonly onStopRequest: () => void
  /** The module that a node's process runs. */
  readonly nodeEntry: string
}
