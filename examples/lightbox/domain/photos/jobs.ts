import { z } from 'zod'
import { Darkroom } from '../../darkroom/darkroom.ts'
import type { Edits } from '../../schemas/photo.ts'
import { type Lightbox, t } from '../placing.ts'
import { fail, keep, type Which } from './keep.ts'
import { render } from './render.ts'

/** The one of this process. It costs nothing before the first photo. */
const darkroom = new Darkroom()

/**
 * A person's photos are made one by one, so that nobody holds up the others. What is no fault of the photo, such as a full disk,
 * may last for half an hour; see render.ts for what is.
 */
const RUN = { concurrency: 1, attempts: 20, timeout: '5m', backoff: ['1s', '5m'] } as const

const target = { ownerId: z.string(), photoId: z.string() }

/**
 * Makes the variants of one revision of a photo. Blobs are stored as they come; the row, what keeps the blobs and the
 * job's completion are one commit. A run that was broken off leaves blobs that nothing keeps, and the next makes the
 * same ones. A revision that is not wanted any more, because of newer edits, is not made.
 */
export const renderPhoto = t.job('renderPhoto', {
  ...RUN,
  input: z.object({ ...target, revision: z.int() }),
  run: async (job, system) => {
    const row = await wanted(system, job.input)
    const original = row?.original
    if (!original) return
    const result = await render(system, job, async (takers) =>
      darkroom.develop(await system.blobs.file(original), row.edits, takers),
    )
    await job.write('keep photo', (tx) =>
      typeof result === 'string' ? fail(tx, job.input, result) : keep(tx, job.input, result),
    )
  },
})

/** Paints a photo of the seeded community and makes its variants; photos that somebody waits for go first. */
export const paintPhoto = t.job('paintPhoto', {
  ...RUN,
  priority: -50,
  input: z.object({ ...target, scene: z.string(), seed: z.int() }),
  run: async (job, system) => {
    const { ownerId, photoId, scene, seed } = job.input
    const which = { ownerId, photoId, revision: 1 }
    if (!(await wanted(system, which))) return
    const result = await render(system, job, (takers) => darkroom.paint(scene, seed, takers))
    await job.write('keep painting', (tx) =>
      typeof result === 'string' ? fail(tx, which, result) : keep(tx, which, result),
    )
  },
})

const WANTED = `select original, edits from photos
where owner_id = $1 and id = $2 and revision = $3 and status = 'processing'`

interface Wanted {
  original: string | null
  edits: Edits
}

async function wanted(system: Lightbox, { ownerId, photoId, revision }: Which): Promise<Wanted | undefined> {
  const values = [ownerId, photoId, revision]
  const [row] = await system.shard.user(ownerId).read((db) => db.query<Wanted>(WANTED, values))
  return row
}
