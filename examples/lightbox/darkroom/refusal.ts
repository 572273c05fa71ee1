import { IMAGE_PIXELS_MAX } from './settings.ts'

/** Why an image is not taken, whatever is tried again; the sentence is for the person who sent it. */
export const REFUSALS = {
  'not-an-image': 'This is not a picture that can be read here. Send a JPEG, PNG, WebP or AVIF.',
  'too-large': `The picture has more than ${IMAGE_PIXELS_MAX / 1_000_000} megapixels. Make it smaller and send it again.`,
  damaged: 'The picture is damaged or incomplete. Send it again, or another one.',
} as const

export type Refusal = keyof typeof REFUSALS

/** The image itself is the reason: no other attempt will succeed. */
export class ImageRefused extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal, detail?: string) {
    super(detail ? `${REFUSALS[refusal]} (${detail})` : REFUSALS[refusal])
    this.name = 'ImageRefused'
    this.refusal = refusal
  }
}

/** The process that works on images crashed, hung or failed: another attempt may succeed. */
export class DarkroomFailed extends Error {
  override readonly name: string = 'DarkroomFailed'
}

/** The process ended under the work, by itself or for taking too long; which of the photos in it is to blame is not known. */
export class ProcessLost extends DarkroomFailed {
  override readonly name = 'ProcessLost'
}
