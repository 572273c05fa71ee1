import { TenfoldError } from '../core/errors.ts'

/** A payload, or the options it is put in with, that the job does not take. */
export class JobInputInvalid extends TenfoldError {
  readonly code = 'TENFOLD_JOB_INPUT_INVALID'
  override readonly status = 400
  constructor(name: string, why: string, options?: ErrorOptions) {
    super(
      `The input of a job ${name} is not what it takes: ${why}`,
      'Correct the input; a payload of an older release needs a schema that still accepts it.',
      options,
    )
  }
}

/** The declaration of a job that cannot work. */
export class JobOptionInvalid extends TenfoldError {
  readonly code = 'TENFOLD_JOB_OPTION'
  constructor(name: string, why: string) {
    super(`The job ${name} cannot be declared so: ${why}`, 'Correct what is given to `t.job`.')
  }
}

/** What `job.progress` was given cannot be shown. */
export class JobProgressInvalid extends TenfoldError {
  readonly code = 'TENFOLD_JOB_PROGRESS'
  constructor(name: string, why: string, options?: ErrorOptions) {
    super(
      `The progress of a run of ${name} was not noted: ${why}.`,
      'Say how far the run has come, in a few numbers and words; results belong into rows or blobs.',
      options,
    )
  }
}

/** A job whose name this release does not know. */
export class JobUnknown extends TenfoldError {
  readonly code = 'TENFOLD_JOB_UNKNOWN'
  constructor(name: string) {
    super(
      `There is no job named ${name} in this release.`,
      'List it in the app’s `jobs` under its old name, or discard it with `tenfold jobs discard`.',
    )
  }
}

/** A run that took longer than it may. */
export class JobTimeout extends TenfoldError {
  readonly code = 'TENFOLD_JOB_TIMEOUT'
  constructor(name: string, ms: number) {
    super(
      `The job ${name} did not end within ${ms} ms.`,
      'Let it end when `job.signal` is aborted, split it, or raise its `timeout`.',
    )
  }
}

/** A run that is not this worker's any more. */
export class JobLeaseLost extends TenfoldError {
  readonly code = 'TENFOLD_JOB_LEASE_LOST'
  constructor(name: string, id: string, options?: ErrorOptions) {
    super(
      `The run of job ${name} ${id} has been taken over by another worker, or the job is gone.`,
      'Nothing of it was applied. Find out what stopped this process for longer than the lease.',
      options,
    )
  }
}

/** Somebody asked for the run to end. */
export class JobCancelled extends TenfoldError {
  readonly code = 'TENFOLD_JOB_CANCELLED'
  constructor(name: string, id: string) {
    super(`The job ${name} ${id} was cancelled.`, 'Let the run end; it does not come again.')
  }
}

/** The worker stops before the run has ended. */
export class JobStopped extends TenfoldError {
  readonly code = 'TENFOLD_JOB_STOPPED'
  constructor(name: string) {
    super(
      `The worker stops; the run of ${name} was asked to end.`,
      'Let the run end when `job.signal` is aborted; the job runs again, and this attempt does not count.',
    )
  }
}

/** No job of that id, or not in the state that is asked for. */
export class JobMissing extends TenfoldError {
  readonly code = 'TENFOLD_JOB_MISSING'
  override readonly status = 404
  constructor(id: string, wanted: string) {
    super(`There is no ${wanted} with the id ${id}.`, 'See `tenfold jobs list`; a job that is done is gone.')
  }
}
