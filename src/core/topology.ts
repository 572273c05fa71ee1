/** A kind of process. */
export type Tier = 'edge' | 'balancer' | 'web' | 'cache' | 'data' | 'worker' | 'relay' | 'console'

/** The stages of the ladder, in order; stage 1 is `single`. */
export const STAGES = [
  'single',
  'split',
  'balanced',
  'replicated',
  'cached',
  'edge',
  'queued',
  'observed',
  'sharded',
] as const
export type Stage = (typeof STAGES)[number]

export type NodeState = 'starting' | 'healthy' | 'suspect' | 'draining' | 'down'

/** One running process of a tier, as `tenfold status --json` prints it. */
export interface NodeStatus {
  readonly id: string
  readonly tier: Tier
  readonly cluster?: string
  readonly role?: 'primary' | 'replica'
  readonly pid: number | null
  readonly state: NodeState
  /** Where it listens: a URL or a Unix socket's path. */
  readonly address: string
  /** ISO 8601, UTC. */
  readonly startedAt: string
  readonly lsn?: string
  readonly timeline?: number
}

/** A server of a cluster, as a process knows it that works on it. */
export interface MemberStatus {
  readonly id: string
  /** Undefined: it takes no writes, and answers no reads. */
  readonly role: 'primary' | 'replica' | undefined
  /** When it was last asked. */
  readonly answers: boolean
}

/** Who owns which buckets, in its public form: inclusive ranges. */
export interface DirectoryStatus {
  readonly epoch: number
  readonly clusters: Readonly<Record<string, readonly (readonly [first: number, last: number])[]>>
  readonly isolated: readonly { readonly space: string; readonly key: string; readonly cluster: string }[]
}

/** The relay of one cluster, as this process knows it. */
export interface RelayStatus {
  /** Whether it is this process that leads. If not, its caches are bypassed, unless it follows a relay elsewhere. */
  readonly leads: boolean
  /** Since when it leads, or does not. ISO 8601, UTC. */
  readonly since: string
  /** Up to where this process has delivered, or was told by a relay elsewhere; null: neither yet. */
  readonly position: string | null
  readonly ageMs: number | null
  /** null: unknown, another leads. */
  readonly pendingEffects: number | null
}

/** On how many disks a commit is when it is acknowledged. */
export interface DurabilityStatus {
  /** `strict`: commits wait while no standby is there; `available`: then they go on, on one disk. */
  readonly choice: 'strict' | 'available'
  /** One of these has each commit on disk; empty: none is asked for, or none is there. */
  readonly standbys: readonly string[]
  /** `one disk` and `waiting` are for the cluster's operator to know. */
  readonly commits: 'two disks' | 'one disk' | 'waiting'
}

/** What `tenfold status --json` prints (DESIGN.md, contracts). */
export interface SystemStatus {
  readonly app: string
  readonly stage: Stage
  readonly state: 'starting' | 'ready' | 'degraded' | 'stopping' | 'down'
  readonly topologyEpoch: number
  readonly url: string
  readonly consoleUrl: string | null
  readonly nodes: readonly NodeStatus[]
  readonly directory: DirectoryStatus
  readonly relay: Readonly<Record<string, RelayStatus>>
  /** By cluster; absent where nobody of ours keeps replicas. */
  readonly durability?: Readonly<Record<string, DurabilityStatus>>
}
