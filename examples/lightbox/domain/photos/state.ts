import type { Lightbox } from '../placing.ts'
import { notFound } from '../problems.ts'
import type { PhotoStatus } from './photo.ts'
import { keptPhoto } from './read.ts'

/** How far a photo is. */
export interface PhotoState {
  id: string
  status: PhotoStatus
  /** 0 … 1 */
  progress: number
  reason: string | null
}

/** With a name for this very state, and whether it is the last one unless the owner edits the photo. */
export interface VersionedState extends PhotoState {
  version: string
  over: boolean
}

/** For whoever may see the photo. @throws Problem `not-found` */
export async function photoState(
  system: Lightbox,
  id: string,
  viewerId: string | null,
): Promise<VersionedState> {
  const photo = await keptPhoto(system, id)
  if (!photo || !(photo.posted || photo.owner_id === viewerId)) throw notFound('photo')
  const { status, reason, revision } = photo
  const over = status !== 'processing'
  const progress = over ? Number(status === 'ready') : await progressOf(system, photo.job_id)
  return { id, status, progress, reason, over, version: `${revision}.${status}.${progress}` }
}

async function progressOf(system: Lightbox, jobId: string): Promise<number> {
  const job = await system.jobs.get(jobId)
  // A job that is gone has just been done.
  if (job === null) return 1
  return typeof job.progress === 'number' ? Math.round(job.progress * 100) / 100 : 0
}
