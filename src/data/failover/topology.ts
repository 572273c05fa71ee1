import type { HistoryLoss } from '../../core/position.ts'
import type { DatabaseAddress } from '../postgres/address.ts'
import type { Durability } from './record.ts'
import type { NodeView } from './view.ts'

/** What is told of a cluster whenever it changes. */
export interface ClusterTopology {
  /** Raised with each new primary. */
  readonly epoch: number
  readonly primary: string
  readonly members: readonly ClusterMember[]
  readonly durability: Durability
  /** Commits are acknowledged by the primary's disk alone: no standby is there. */
  readonly alone: boolean
  /** Failovers with loss: where each left its timeline. */
  readonly losses: readonly HistoryLoss[]
}

export interface ClusterMember {
  readonly id: string
  readonly role: 'primary' | 'replica'
  readonly address: DatabaseAddress | undefined
  readonly synchronous: boolean
  /** It is to be made anew, or being made. */
  readonly building: boolean
  readonly view: NodeView
  readonly pid: number | undefined
  readonly startedAt: number
}
