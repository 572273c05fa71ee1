import type { Service } from '../../core/lifecycle.ts'
import type { ControlAnswer } from '../control-answer.ts'
import type { ServerLog } from '../server-log.ts'
import type { StateFolder } from '../state-folder.ts'
import type { NodeAnswer, NodeRequest, Topology } from './messages.ts'

/** What it is made with. */
export interface NodePartOptions {
  readonly request: NodeRequest
  readonly folder: StateFolder
  readonly log: ServerLog
  /** Resolves with the newest topology that it was told, as soon as there is one. */
  readonly told: () => Promise<Topology>
  readonly signal: AbortSignal
}

/** What runs in a node's process. */
export interface NodePart extends Service {
  readonly url: string
  readonly port: number
  readonly app: string | undefined
  /** There is a newer one. */
  topology(topology: Topology): void
  renew(): void
  /** Ends what is in flight; a stop that waits for it goes on. */
  hurry(): void
  status(): Promise<NodeAnswer>
  ask(method: string, path: string): Promise<ControlAnswer>
}
