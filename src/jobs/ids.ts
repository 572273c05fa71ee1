import { hash } from 'node:crypto'
import { placedId, placeInId, timeInId } from '../core/placed-id.ts'
import type { JobPlace } from './types.ts'

/**
 * A job's id: a function of what records it, so that every run of that transaction draws the same. It tells where the job
 * lies, see {@link placedId}.
 *
 * @param cause a UUID whose time becomes the id's
 */
export function jobId(cause: string, ordinal: number | string, place: JobPlace): string {
  return placedId(timeInId(cause), place, hash('sha256', `${cause}/job/${ordinal}`, 'hex'))
}

/** Where a job of this id lies; undefined when no job has such an id. */
export const placeOfJob = (id: string): JobPlace | undefined => placeInId(id)
