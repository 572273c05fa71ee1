import type { Service } from '../../core/lifecycle.ts'
import type { ServerLog } from '../server-log.ts'
import type { StateFolder } from '../state-folder.ts'
import type { NodeAnswer, NodeRequest, Topology } from './messages.ts'

/** What it is made with. */
export interface NodePartOptions {
  readonly request: NodeRequest
  readonly folder: StateFolder
  readonly log: ServerLog
  /** The first topology that it is told. */
  readonly first: Promise<Topology>
  readonly signal: AbortSignal
}

/** What runs in a node's process. */
export interface NodePart extends Service {
  readonly url: string
  readonly port: number
  readonly app: string | undefined
  topology(topology: Topology): void
  renew(): void
  /** Ends what is in flight; a stop that waits for it goes on. */
  hurry(): void
  status(): Promise<NodeAnswer>
  ask(method: string, path: string): Promise<{ status: number; body: unknown }>
}
