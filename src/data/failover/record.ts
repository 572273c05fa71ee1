import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { HistoryLoss } from '../../core/position.ts'
import { makeFolder, replaceFile } from '../postgres/files.ts'
import { ClusterRecordDamaged } from './errors.ts'

const FORMAT = 1

/**
 * What has to be known of a cluster by whoever decides about it after everybody has died. Written before the
 * step that makes it necessary.
 */
export interface ClusterRecord {
  readonly format: number
  /** The node that may acknowledge writes, or that did so last. */
  readonly primary: string
  /** Raised with each new primary. */
  readonly epoch: number
  /**
   * Standbys among whom everything that was acknowledged is on disk: one of them has it. Empty: only the primary itself
   * has it for certain.
   */
  readonly synchronous: readonly string[]
  /**
   * Standbys that the primary is told to wait for, one for each commit. `synchronous` contains them, or is empty: it is
   * enlarged before they count, and becomes them once one of them has all that was acknowledged until then.
   */
  readonly named: readonly string[]
  /** Every node, the primary included. Which of them have a data folder is seen on the disk. */
  readonly nodes: readonly string[]
  /** Former nodes whose server and data folder, or slot, may be there still. Their names are not free. */
  readonly leaving?: readonly string[]
  /** A promotion that was begun. */
  readonly promoting?: Promotable
  /** What happens to commits while no standby is there. */
  readonly durability: Durability
  /**
   * Nodes whose data folder is of no use, whether they run or not: it has what the primary has not, or it is a copy that has
   * never had all that was written while it was made.
   */
  readonly building: readonly string[]
  /** Failovers with loss, the last ones: where each left its timeline. */
  readonly losses?: readonly HistoryLoss[]
  /** Another number of replicas than was asked for at the start: it holds until a start asks for another one. */
  readonly scaled?: { readonly from: number; readonly to: number }
}

/**
 * - `strict`: no commit is acknowledged that only one disk has; without a standby commits wait
 * - `available`: without a standby commits go on, on the primary's disk alone; if that is lost, so are they
 */
export type Durability = 'strict' | 'available'

/** A standby that may become primary. */
export interface Promotable {
  readonly id: string
  /** Whom it is to wait for. */
  readonly named: readonly string[]
  /** Those that may have what it has not: they cannot follow it, and are made anew. */
  readonly rebuild: readonly string[]
  /** It may lack what was acknowledged: nobody who has everything can be had. */
  readonly lossy?: boolean
  /** Then: transactions from this number on (`xid8`) had not ended for it. */
  readonly lostFrom?: string
  /** And from this one on some of those before. */
  readonly oldest?: string
  /** And where it leaves the history. */
  readonly lossAt?: HistoryLoss
}

/** @returns undefined when there is none: the cluster has never had replicas. @throws ClusterRecordDamaged */
export function readClusterRecord(file: string): ClusterRecord | undefined {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const record = JSON.parse(text) as ClusterRecord
    if (
      record.format === FORMAT &&
      record.nodes.includes(record.primary) &&
      Array.isArray(record.synchronous)
    )
      return record
  } catch (error) {
    throw new ClusterRecordDamaged(file, { cause: error })
  }
  throw new ClusterRecordDamaged(file)
}

/** Durable when it returns. */
export function writeClusterRecord(file: string, record: ClusterRecord): void {
  makeFolder(dirname(file), 0o700)
  replaceFile(file, `${JSON.stringify(record, null, 2)}\n`)
}

/** A cluster of one node, before it gets replicas. */
export const newClusterRecord = (primary: string): ClusterRecord => ({
  format: FORMAT,
  primary,
  epoch: 1,
  synchronous: [],
  named: [],
  durability: 'strict',
  nodes: [primary],
  building: [],
})
