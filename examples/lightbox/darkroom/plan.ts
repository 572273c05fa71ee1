import type { Edits } from '../schemas/photo.ts'
import { HEIGHT_MAX, WIDTHS } from './settings.ts'

/** In pixels. */
export interface Size {
  readonly width: number
  readonly height: number
}

/** The crop in pixels of the upright image; at least one pixel is left. */
export function cropBox(
  size: Size,
  crop: NonNullable<Edits['crop']>,
): { left: number; top: number; width: number; height: number } {
  const [left, width] = span(size.width, crop.x, crop.width)
  const [top, height] = span(size.height, crop.y, crop.height)
  return { left, top, width, height }
}

function span(pixels: number, from: number, part: number): [start: number, length: number] {
  const start = Math.min(Math.round(from * pixels), pixels - 1)
  return [start, Math.min(Math.max(Math.round(part * pixels), 1), pixels - start)]
}

/** The size of the largest variant: within the largest width and height, never enlarged. */
export function largestSize({ width, height }: Size): Size {
  const scale = Math.min(1, Math.max(...WIDTHS) / width, HEIGHT_MAX / height)
  return { width: scaled(width, scale), height: scaled(height, scale) }
}

/** Below the largest, widths that save at least a tenth of it. */
const WORTHWHILE = 0.9

/** The sizes to make, smallest first; the last is `largest` itself. */
export function variantSizes(largest: Size): Size[] {
  const smaller = WIDTHS.filter((width) => width <= largest.width * WORTHWHILE)
  return [
    ...smaller.map((width) => ({ width, height: scaled(largest.height, width / largest.width) })),
    largest,
  ]
}

const scaled = (pixels: number, scale: number): number => Math.max(1, Math.round(pixels * scale))

/** How far blurring spreads, in pixels of an image so wide: the same look at every size. 0 is none. */
export const blurSigma = (blur: number, width: number): number => blur ** 2 * 0.02 * width
