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

/** A primary cannot hand over: nobody is there who has everything. */
export class SwitchoverRefused extends TenfoldError {
  readonly code = 'TENFOLD_SWITCHOVER_REFUSED'
  override readonly status = 409
  constructor(id: string) {
    super(
      `${id} cannot hand over: no synchronous standby receives its log.`,
      'Wait until `tenfold status` shows a healthy replica, then try again.',
    )
  }
}
