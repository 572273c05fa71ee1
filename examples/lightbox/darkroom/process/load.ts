import { open } from 'node:fs/promises'
import sharp, { type Metadata, type Sharp } from 'sharp'
import { HEAD_BYTES, type Kind, kindOf } from '../kind.ts'
import type { Size } from '../plan.ts'
import { ImageRefused } from '../refusal.ts'
import { IMAGE_PIXELS_MAX } from '../settings.ts'

// Only these read files, whatever the bytes pretend to be. SVG is read from memory alone: the painted pictures are ours.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: [
    'VipsForeignLoadJpegFile',
    'VipsForeignLoadPngFile',
    'VipsForeignLoadWebpFile',
    'VipsForeignLoadHeifFile',
    'VipsForeignLoadJpegBuffer',
    'VipsForeignLoadSvgBuffer',
  ],
})
// Nothing is read twice: a cache would only hold memory. Photos are encoded side by side, so one thread for each.
sharp.cache(false)
sharp.concurrency(1)

const OPTIONS = { failOn: 'error', limitInputPixels: IMAGE_PIXELS_MAX } as const

/** An image whose header is as it should be. */
export interface Loaded {
  /** A fresh pipeline over it, upright; only the first frame of an animation. */
  open(): Sharp
  /** Upright. */
  readonly size: Size
}

/** Looks at the header only: a lie about type or size costs no memory. @throws ImageRefused */
export async function loadImage(path: string): Promise<Loaded> {
  const kind = kindOf(await headOf(path))
  if (kind === null) throw new ImageRefused('not-an-image')
  const metadata = await headerOf(path)
  if (!agrees(kind, metadata)) throw new ImageRefused('not-an-image')
  const { width, height } = metadata
  if (width * height > IMAGE_PIXELS_MAX) throw new ImageRefused('too-large')
  return { open: () => sharp(path, OPTIONS).autoOrient(), size: metadata.autoOrient }
}

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(HEAD_BYTES), 0, HEAD_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function headerOf(path: string): Promise<Metadata> {
  try {
    return await sharp(path, { ...OPTIONS, limitInputPixels: false }).metadata()
  } catch (error) {
    throw new ImageRefused('damaged', (error as Error).message)
  }
}

/** libvips must see what the first bytes say; within HEIF only AV1. */
function agrees(kind: Kind, { format, compression }: Metadata): boolean {
  return kind === 'avif' ? format === 'heif' && compression === 'av1' : format === kind
}
