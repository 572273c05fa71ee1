import type { DirectoryStatus, MemberStatus, NodeState, SystemStatus, Tier } from '../../core/topology.ts'
import type { ClusterOptions, ConnectionOptions } from '../../data/client/types.ts'
import type { Failure, StartRequest } from '../start-request.ts'

/** All that a node's process must know when it starts; it comes by its standard input. */
export interface NodeRequest {
  readonly id: string
  readonly tier: Extract<Tier, 'web' | 'worker' | 'relay'>
  readonly start: StartRequest
  /** A web node's TCP port; 0 takes a free one. */
  readonly port: number
  /** Base64, newest first. */
  readonly signingKeys: readonly string[]
  /** Whether jobs run in this process. */
  readonly runsJobs: boolean
  /** Whether no other process runs jobs. */
  readonly soleWorker: boolean
  /** Whether it brings the databases up to date before it serves. */
  readonly prepares: boolean
}

/** How a member of a cluster is reached. The name of an embedded database is the application's matter. */
export interface MemberAddress {
  readonly id: string
  readonly connection: Omit<ConnectionOptions, 'database'> & { readonly database?: string }
}

/** Who is there, and where. A higher epoch replaces a lower one as a whole. */
export interface Topology {
  readonly epoch: number
  readonly clusters: readonly {
    readonly name: string
    readonly primary: string
    readonly members: readonly MemberAddress[]
    readonly losses?: ClusterOptions['losses']
  }[]
  /** Sockets of the relays. */
  readonly relays: readonly string[]
  /** The application's name; known once one of its nodes has imported it. */
  readonly app: string | undefined
}

/** What the supervisor tells a node, one JSON object a line. */
export type ToNode =
  | { readonly type: 'topology'; readonly topology: Topology }
  | { readonly type: 'stop'; readonly fast: boolean }
  | { readonly type: 'renew' }
  | { readonly type: 'ping' }
  /** A question that `answer` answers. */
  | { readonly type: 'ask'; readonly id: number; readonly method: string; readonly path: string }

/** What a node tells whoever is connected, one JSON object a line. */
export type FromNode =
  | { readonly type: 'report'; readonly report: NodeReport }
  | { readonly type: 'pong' }
  | { readonly type: 'answer'; readonly id: number; readonly status: number; readonly body: unknown }

/** How a node is; sent whenever it changes. */
export interface NodeReport {
  readonly id: string
  readonly state: Extract<NodeState, 'starting' | 'healthy' | 'draining'>
  /** The epoch of the topology that it has. */
  readonly epoch: number
  readonly url: string
  readonly port: number
  readonly app: string | undefined
  /** Why its start failed; it ends then. */
  readonly failure?: Failure | undefined
}

/** What a node answers when it is asked for `/status`. */
export interface NodeAnswer {
  readonly ready: boolean
  readonly directory?: DirectoryStatus | undefined
  readonly databases?: Readonly<Record<string, readonly MemberStatus[]>> | undefined
  readonly relay?: SystemStatus['relay'] | undefined
}
