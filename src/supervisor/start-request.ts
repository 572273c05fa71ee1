import type { Stage, SystemStatus } from '../core/topology.ts'

/** All that the server process must know to start; made by the command line, passed on as JSON. */
export interface StartRequest {
  /** The application's module: an absolute path. */
  readonly app: string
  readonly stateFolder: string
  readonly stage: Stage
  /** Replicas of each cluster's primary; 0 at stages without them. */
  readonly replicas: number
  /** What happens to commits while no replica is there. */
  readonly durability: 'strict' | 'available'
  /** Processes that only run jobs; 0: the web node runs them. */
  readonly workers: number
  readonly clusters: number
  readonly port: number
  readonly consolePort: number
  /** URLs of databases, one per cluster; empty for the embedded server. */
  readonly databases: readonly string[]
  readonly pgBin?: string | undefined
  readonly cpu?: number | undefined
  readonly memoryMb?: number | undefined
  readonly signingKeys?: readonly string[] | undefined
  readonly tls?: { readonly cert: string; readonly key: string } | undefined
  readonly trustedProxies?: readonly string[] | undefined
  /** Milliseconds without an answer after which the guard replaces the server process; 0 never. */
  readonly unresponsiveMs: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error'
  readonly watch: boolean
  readonly json: boolean
  /** Show stacks and how long each step of the start took. */
  readonly debug: boolean
}

/** An error on its way to the terminal of the guard. */
export interface Failure {
  /** What `explain` made of it. */
  readonly text: string
  readonly code?: string | undefined
  readonly stack?: string | undefined
}

/** What the guard tells the server process. */
export type ToServer =
  | { readonly type: 'start'; readonly request: StartRequest; readonly ports: Ports | undefined }
  /** Drain and end; `keepPostgres` for a server process that follows at once. */
  | { readonly type: 'stop'; readonly fast: boolean; readonly keepPostgres: boolean }
  /** Read the certificate's files again. */
  | { readonly type: 'renew' }
  /** Say that you are there. */
  | { readonly type: 'ping' }

/** What the server process tells the guard. */
export type ToGuard =
  | {
      readonly type: 'ready'
      readonly status: SystemStatus
      readonly ports: Ports
      readonly notes: readonly string[]
    }
  | { readonly type: 'failed'; readonly failure: Failure }
  /** Someone asked for the end: a signal or `tenfold stop`. Its exit is then no accident. */
  | { readonly type: 'stopping' }
  /** The answer to a ping: the event loop turns. */
  | { readonly type: 'pong' }

/** The ports in use: a server process that follows listens on the same ones, also when `0` was asked for. */
export interface Ports {
  readonly port: number
  readonly consolePort: number
}
