import os from 'node:os'
import sharp, { type Sharp } from 'sharp'
import type { Edits } from '../../schemas/photo.ts'
import { blurSigma, cropBox, largestSize, type Size, variantSizes } from '../plan.ts'
import type { Reply, Variant } from '../protocol.ts'
import { ImageRefused } from '../refusal.ts'
import { ENCODERS, FORMATS, type Format, PROOF_WIDTH } from '../settings.ts'
import { type Loaded, loadImage } from './load.ts'
import { Threads } from './threads.ts'

/** Each piece of work has one thread: see load.ts. */
const threads = new Threads(os.availableParallelism())

type Send = (reply: Reply) => void

/** Pixels in memory: 8 bits, sRGB, no alpha, and nothing else that the file held. */
interface Sheet extends Size {
  readonly pixels: Buffer
}

/** Makes every variant of the image in a file. @throws ImageRefused */
export async function developFile(path: string, edits: Edits, send: Send): Promise<void> {
  const image = await loadImage(path)
  const { crop, blur = 0, sharpen = 0 } = edits
  await makeVariants(await expose(image, crop, blur), sharpen, send)
  // Without edits, the variants themselves show the whole photo.
  if (crop || blur > 0 || sharpen > 0) send({ kind: 'proof', variant: await proofOf(image) })
}

/** The same for a picture that this process has just painted. */
export async function developPainting(original: Uint8Array, send: Send): Promise<void> {
  const { width, height } = await sharp(original).metadata()
  await makeVariants(
    await expose({ open: () => sharp(original), size: { width, height } }, undefined, 0),
    0,
    send,
  )
}

/** Decodes the image once, cropped and as large as its largest variant. Everything else is made from that. */
async function expose(image: Loaded, crop: Edits['crop'], blur: number): Promise<Sheet> {
  const box = crop && cropBox(image.size, crop)
  const size = largestSize(box ?? image.size)
  let pipeline = image.open()
  if (box) pipeline = pipeline.extract(box)
  pipeline = pipeline.resize({ ...size, fit: 'fill' })
  const sigma = blurSigma(blur, size.width)
  if (sigma >= 0.3) pipeline = pipeline.blur(sigma)
  try {
    return await threads.open(() => pixelsOf(pipeline.flatten({ background: '#ffffff' })))
  } catch (error) {
    throw new ImageRefused('damaged', (error as Error).message)
  }
}

async function pixelsOf(pipeline: Sharp): Promise<Sheet> {
  const { data, info } = await pipeline
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  return { pixels: data, width: info.width, height: info.height }
}

const over = ({ pixels, width, height }: Sheet): Sharp =>
  sharp(pixels, { raw: { width, height, channels: 3 } })

/** The longest are encoded first, so that no thread is left with one at the end. */
async function makeVariants(base: Sheet, sharpen: number, send: Send): Promise<void> {
  const sizes = variantSizes(base).reverse()
  const sheets = await Promise.all(sizes.map((size) => scale(base, size, sharpen)))
  const of = sheets.length * FORMATS.length
  const encode = async (sheet: Sheet, format: Format): Promise<void> =>
    send({ kind: 'variant', of, variant: await encoded(sheet, format) })
  const encoding = sheets.flatMap((sheet) => FORMATS.map((format) => encode(sheet, format)))
  send({ kind: 'exposed' })
  await Promise.all(encoding)
}

/** Sharpening belongs to the size it is seen at: making an image smaller would undo it. */
async function scale(base: Sheet, { width, height }: Size, sharpen: number): Promise<Sheet> {
  const same = width === base.width
  if (same && sharpen === 0) return base
  const pipeline = same ? over(base) : over(base).resize({ width, height, fit: 'fill' })
  const sharp = sharpen === 0 ? pipeline : pipeline.sharpen({ sigma: 1, m1: sharpen, m2: 4 * sharpen })
  return threads.open(() => pixelsOf(sharp))
}

async function encoded(sheet: Sheet, format: Format): Promise<Variant> {
  const { width, height } = sheet
  const bytes = await threads.finish(() => over(sheet).toFormat(format, ENCODERS[format]).toBuffer())
  return { width, height, format, bytes }
}

async function proofOf(image: Loaded): Promise<Variant> {
  const whole = await expose(image, undefined, 0)
  const height = Math.max(1, Math.round((whole.height * PROOF_WIDTH) / whole.width))
  const small = whole.width > PROOF_WIDTH ? await scale(whole, { width: PROOF_WIDTH, height }, 0) : whole
  return encoded(small, 'jpeg')
}
