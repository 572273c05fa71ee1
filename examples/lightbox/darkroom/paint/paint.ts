import sharp from 'sharp'
import { chance } from '../../seed/chance.ts'
import type { Canvas, Chance, Scene } from './canvas.ts'
import { dunes, forest, hills, sea } from './landscapes.ts'
import { harbour, lanterns, night } from './places.ts'
import { bloom, cranes, reeds, stairs } from './shapes.ts'

const SCENES: Readonly<Record<string, Scene>> = {
  bloom,
  cranes,
  dunes,
  forest,
  harbour,
  hills,
  lanterns,
  night,
  reeds,
  sea,
  stairs,
}

/** Landscape, square, portrait. Pixels; modest, so that a whole community is painted in seconds. */
const SHAPES = [
  [1280, 854],
  [1280, 960],
  [1024, 1024],
  [960, 1200],
] as const

const GRAIN_SIDE = 320

/** A picture in JPEG: the same scene and seed always give the same bytes. */
export async function paint(scene: string, seed: number): Promise<Buffer> {
  const draw = SCENES[scene]
  if (!draw) throw new RangeError(`There is no scene ${scene}.`)
  // Neighbouring seeds begin alike: they are spread first.
  const next = chance(Math.imul(seed + 1, 0x9e3779b1))
  const [width, height] = SHAPES[Math.floor(next() * SHAPES.length)] ?? SHAPES[0]
  const svg = framed(draw({ width, height, next }), { width, height, next })
  return sharp(Buffer.from(svg))
    .flatten()
    .composite([{ ...grain(next), tile: true, blend: 'soft-light' }])
    .jpeg({ quality: 92 })
    .toBuffer()
}

/** Every picture darkens a little towards its corners, as through a lens. */
function framed(inside: string, { width, height }: Canvas): string {
  const lens = `<radialGradient id="lens" r="0.75"><stop offset="60%" stop-opacity="0"/><stop offset="100%" stop-opacity="0.22"/></radialGradient>`
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${inside}${lens}<rect width="${width}" height="${height}" fill="url(#lens)"/></svg>`
}

/** The grain of a film, which also keeps gradients from showing steps. */
function grain(next: Chance) {
  const pixels = Buffer.alloc(GRAIN_SIDE ** 2 * 3)
  for (let at = 0; at < pixels.length; at += 3) {
    pixels.fill(Math.round(128 + (next() + next() + next() - 1.5) * 24), at, at + 3)
  }
  return { input: pixels, raw: { width: GRAIN_SIDE, height: GRAIN_SIDE, channels: 3 as const } }
}
