import { TenfoldError } from '../../core/errors.ts'

/** The file that says who is primary cannot be read. */
export class ClusterRecordDamaged extends TenfoldError {
  readonly code = 'TENFOLD_CLUSTER_RECORD'
  constructor(file: string, options?: ErrorOptions) {
    super(
      `${file} is damaged: it does not say which node is the primary.`,
      'Restore it from a backup of the state folder. Nothing was started: the wrong node could lose acknowledged writes.',
      options,
    )
  }
}

/** Nobody who is certain to have everything can be had. */
export class ClusterLost extends TenfoldError {
  readonly code = 'TENFOLD_CLUSTER_LOST'
  constructor(name: string, why: string, options?: ErrorOptions) {
    super(
      `Cluster ${name} has no primary, and none can be had without loss: ${why}.`,
      'Put the missing data folder back; or start with `--durability available`, which goes on with the best of what is there, and `tenfold recover` afterwards.',
      options,
    )
  }
}

/** A primary cannot hand over: somebody who might have to be asked for what was acknowledged is not there. */
export class SwitchoverRefused extends TenfoldError {
  readonly code = 'TENFOLD_SWITCHOVER_REFUSED'
  override readonly status = 409
  constructor(id: string, options?: ErrorOptions) {
    super(
      `${id} cannot hand over: not every standby that counts for commits receives its log.`,
      'Wait until `tenfold status` shows its replicas healthy, then try again.',
      options,
    )
  }
}
