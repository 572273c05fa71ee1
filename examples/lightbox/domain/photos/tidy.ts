import { z } from 'zod'
import { type Lightbox, t } from '../placing.ts'
import { Problem } from '../problems.ts'
import { deletePhoto } from './add.ts'
import { paintPhoto, renderPhoto } from './jobs.ts'
import { fail } from './keep.ts'
import { GIVEN_UP } from './render.ts'

/** In one run and of each kind; the rest is for the next one. */
const AT_ONCE = 500

interface Left {
  id: string
  ownerId: string
}

const UNPOSTED = `select id, owner_id::text as "ownerId" from photos
where not posted and created_at < now() - interval '7 days' order by created_at limit ${AT_ONCE}`

const PROCESSING = `select id, owner_id::text as "ownerId", job_id as "jobId", revision from photos
where status = 'processing' and created_at < now() - interval '1 hour' order by created_at limit ${AT_ONCE}`

/**
 * Deletes photos that nobody posted within a week, and tells the owners of photos whose job was put aside, which
 * happens without the job's doing when it takes the whole server down with it.
 */
export const tidyPhotos = t.job('tidyPhotos', {
  input: z.object({}),
  cron: '17 * * * *',
  timeout: '15m',
  run: async (job, system) => {
    const [unposted, processing] = await Promise.all([
      system.shards.read((db) => db.query<Left>(UNPOSTED)),
      system.shards.read((db) => db.query<Left & { jobId: string; revision: number }>(PROCESSING)),
    ])
    for (const { ownerId, id } of unposted.flat()) {
      job.signal.throwIfAborted()
      await forget(system, ownerId, id)
    }
    for (const { ownerId, id, jobId, revision } of processing.flat()) {
      job.signal.throwIfAborted()
      if ((await system.jobs.get(jobId))?.state !== 'dead') continue
      await system.shard
        .user(ownerId)
        .write(`give up photo ${id}`, (tx) => fail(tx, { ownerId, photoId: id, revision }, GIVEN_UP))
    }
  },
})

/** Posted or deleted by its owner meanwhile, it is none of our business. */
async function forget(system: Lightbox, ownerId: string, id: string): Promise<void> {
  try {
    await deletePhoto(system, ownerId, id)
  } catch (error) {
    if (!(error instanceof Problem)) throw error
  }
}

/** What photos leave for later. */
export const photoJobs = [renderPhoto, paintPhoto, tidyPhotos] as const
