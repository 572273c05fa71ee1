import type { Clock } from '../../core/clock.ts'
import type { Logger } from '../../core/log.ts'
import type { DatabaseAddress } from '../postgres/address.ts'
import type { PostgresOptions } from '../postgres/types.ts'
import type { ClusterPlaces } from './places.ts'
import type { Durability } from './record.ts'

/** Replicas that one primary can have: each takes a slot and a sender, of which a copy under way needs further ones. */
export const REPLICAS_MAX = 8

/** One cluster: a primary with replicas, on this machine. */
export interface KeeperOptions extends ClusterPlaces {
  /** At most {@link REPLICAS_MAX}. */
  readonly replicas: number
  /** What has to survive this process; see record.ts. */
  readonly recordFile: string
  readonly postgres?: Pick<PostgresOptions, 'pgBin' | 'cpu' | 'memoryMb' | 'settings' | 'startTimeoutMs'>
  /** @defaultValue strict */
  readonly durability?: Durability | undefined
  /** Goes on trying, also when its first start cannot come to its end. @defaultValue false */
  readonly patient?: boolean
  /** Tests: the way by which a standby reaches the node that it follows. */
  readonly link?: ((upstream: DatabaseAddress, from: string, to: string) => DatabaseAddress) | undefined
  readonly log: Logger
  readonly clock: Clock
}
