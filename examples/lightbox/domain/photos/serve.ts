import type { Format } from '../../darkroom/settings.ts'
import type { Lightbox } from '../placing.ts'
import { notFound } from '../problems.ts'
import { keptPhoto } from './read.ts'
import { parseName } from './url.ts'

const TYPES: Readonly<Record<Format, string>> = {
  avif: 'image/avif',
  webp: 'image/webp',
  jpeg: 'image/jpeg',
}

/**
 * Answers with the bytes of a variant. Only what is shown of a photo now is given out: never the file that was sent,
 * and not what newer edits took away (a cache on the way may have it still). @throws Problem `not-found`
 */
export async function servePhoto(
  system: Lightbox,
  request: Request,
  blob: string,
  name: string,
): Promise<Response> {
  const parsed = parseName(name)
  const photo = parsed && (await keptPhoto(system, parsed.photoId))
  const shown = photo && [...photo.variants, ...(photo.proof ? [photo.proof] : [])]
  if (!parsed || !shown?.some((variant) => variant.blob === blob && variant.format === parsed.format)) {
    throw notFound('photo')
  }
  return system.blobs.respond(request, blob, { type: TYPES[parsed.format] })
}
