import { TenfoldError } from '../core/errors.ts'

/** A metric's name, label or value does not fit. */
export class MetricInvalid extends TenfoldError {
  readonly code = 'TENFOLD_METRIC_INVALID'
}
