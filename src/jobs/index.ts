export { createJobs, type JobsHandle, type JobsParts } from './create.ts'
export type { JobRow } from './enqueue.ts'
export { placeOfJob } from './ids.ts'
export type { ListQuery } from './office.ts'
export type {
  EnqueueRequest,
  FencedWrite,
  JobDefinition,
  JobPlace,
  JobState,
  JobStatus,
  JobsOptions,
} from './types.ts'
export { JOB_STATES } from './types.ts'
