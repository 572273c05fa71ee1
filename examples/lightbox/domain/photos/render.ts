import type { Takers } from '../../darkroom/darkroom.ts'
import type { Variant } from '../../darkroom/protocol.ts'
import { DarkroomFailed, ImageRefused, REFUSALS } from '../../darkroom/refusal.ts'
import { FORMATS } from '../../darkroom/settings.ts'
import type { Lightbox } from '../placing.ts'
import type { Rendered } from './keep.ts'
import type { StoredVariant } from './photo.ts'

/** As much of a job's run as rendering needs. */
interface Run {
  readonly attempt: number
  readonly attemptsMax: number
  readonly signal: AbortSignal
  progress(value: number): Promise<void>
}

/** So often an image may crash or hang the process that makes it. */
const FAILURES_MAX = 5

export const GIVEN_UP = 'The photo could not be made. Send it again, or change the edits.'

/**
 * Calls `make` and stores what it makes. @returns what was made, or in words for its owner why there will be
 * nothing: the image itself is at fault, or every attempt failed. @throws what may go better at the next attempt
 */
export async function render(
  system: Lightbox,
  job: Run,
  make: (takers: Takers) => Promise<void>,
): Promise<Rendered | string> {
  /** By what they are: one may be made again, with the same bytes. */
  const variants = new Map<string, StoredVariant>()
  let proof: StoredVariant | null = null
  let original: string | null = null
  const { signal } = job
  const store = async (bytes: Uint8Array): Promise<string> =>
    (await system.blobs.put(bytes, { bytesMax: bytes.byteLength, signal })).id
  const stored = async ({ bytes, ...rest }: Variant): Promise<StoredVariant> => ({
    ...rest,
    blob: await store(bytes),
  })
  try {
    await make({
      signal,
      variant: async (variant, of) => {
        variants.set(`${variant.width} ${variant.format}`, await stored(variant))
        await job.progress(variants.size / of)
      },
      proof: async (variant) => {
        proof = await stored(variant)
      },
      original: async (bytes) => {
        original = await store(bytes)
      },
    })
  } catch (error) {
    if (error instanceof ImageRefused) return REFUSALS[error.refusal]
    const attemptsMax = error instanceof DarkroomFailed ? FAILURES_MAX : job.attemptsMax
    if (signal.aborted || job.attempt < attemptsMax) throw error
    system.log.error({ error }, 'a photo could not be made')
    return GIVEN_UP
  }
  return { variants: [...variants.values()].sort(widestFirst), proof, original }
}

const widestFirst = (a: StoredVariant, b: StoredVariant): number =>
  b.width - a.width || FORMATS.indexOf(a.format) - FORMATS.indexOf(b.format)
