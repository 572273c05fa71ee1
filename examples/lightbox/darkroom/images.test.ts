import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import sharp from 'sharp'
import type { Edits } from '../schemas/photo.ts'
import { Darkroom } from './darkroom.ts'
import { animatedWebp, heic, hugePng, picture, withLocation } from './fixtures/images.ts'
import type { Variant } from './protocol.ts'
import { ImageRefused, type Refusal } from './refusal.ts'

const darkroom = new Darkroom()
const folder = await mkdtemp(join(os.tmpdir(), 'darkroom-'))
after(async () => {
  await darkroom.stop()
  await rm(folder, { recursive: true })
})

let files = 0
async function develop(
  bytes: Uint8Array | string,
  edits: Edits = {},
): Promise<{ variants: Variant[]; proof?: Variant }> {
  const path = join(folder, String(files++))
  await writeFile(path, bytes)
  const variants: Variant[] = []
  const proofs: Variant[] = []
  await darkroom.develop(path, edits, {
    variant: async (variant) => void variants.push(variant),
    proof: async (variant) => void proofs.push(variant),
  })
  return { variants, ...(proofs[0] && { proof: proofs[0] }) }
}

async function refused(bytes: Uint8Array | string, refusal: Refusal): Promise<void> {
  await assert.rejects(develop(bytes), (error) => {
    assert.ok(error instanceof ImageRefused, String(error))
    assert.equal(error.refusal, refusal, error.message)
    return true
  })
}

const sizes = (variants: readonly Variant[]): string[] =>
  variants.map(({ width, height, format }) => `${width}x${height}.${format}`).toSorted()

/** The colour at a place, given in fractions. */
async function colour({ bytes }: Variant, x: number, y: number): Promise<'red' | 'blue' | 'green' | 'white'> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true })
  const at = (Math.floor(y * info.height) * info.width + Math.floor(x * info.width)) * info.channels
  const [r = 0, g = 0, b = 0] = data.subarray(at, at + 3)
  if (Math.min(r, g, b) > 190) return 'white'
  return r > g && r > b ? 'red' : b > g ? 'blue' : 'green'
}

describe('variants', () => {
  test('four widths in three formats, each what it says', async () => {
    const { variants, proof } = await develop(await picture(2400, 1600).jpeg().toBuffer())
    assert.deepEqual(
      sizes(variants),
      ['320x213', '640x427', '1280x853', '2048x1365']
        .flatMap((size) => ['avif', 'jpeg', 'webp'].map((format) => `${size}.${format}`))
        .toSorted(),
    )
    for (const { bytes, width, height, format } of variants) {
      const seen = await sharp(bytes).metadata()
      assert.deepEqual(
        [seen.width, seen.height, seen.format, seen.space],
        [width, height, format === 'avif' ? 'heif' : format, 'srgb'],
      )
    }
    assert.equal(proof, undefined, 'without edits the variants show it all')
  })

  for (const [size, widths] of [
    [[1, 1], [1]],
    [[300, 200], [300]],
    [[350, 200], [350]],
    [
      [1290, 700],
      [320, 640, 1290],
    ],
    [
      [900, 5000],
      [320, 640, 737],
    ],
    [
      [9000, 3],
      [320, 640, 1280, 2048],
    ],
  ] as const) {
    test(`never enlarged: ${size.join(' × ')} → ${widths.join(', ')}`, async () => {
      const { variants } = await develop(await picture(size[0], size[1]).png().toBuffer())
      assert.deepEqual(
        [...new Set(variants.map(({ width }) => width))].toSorted((a, b) => a - b),
        widths,
      )
      assert.equal(variants.length, widths.length * 3)
    })
  }

  test('every kind that is read', async () => {
    const [wide, high] = [80, 60]
    const made = await Promise.all([
      picture(wide, high).jpeg().toBuffer(),
      picture(wide, high).jpeg({ progressive: true }).toBuffer(),
      picture(wide, high).toColourspace('cmyk').jpeg().toBuffer(),
      picture(wide, high).png({ palette: true }).toBuffer(),
      picture(wide, high).toColourspace('rgb16').png().toBuffer(),
      picture(wide, high).webp().toBuffer(),
      picture(wide, high).avif().toBuffer(),
      picture(wide, high).withIccProfile('p3').jpeg().toBuffer(),
    ])
    for (const bytes of made) {
      const { variants } = await develop(bytes)
      assert.deepEqual(sizes(variants), ['80x60.avif', '80x60.jpeg', '80x60.webp'])
      for (const variant of variants) {
        assert.deepEqual([await colour(variant, 0.1, 0.1), await colour(variant, 0.9, 0.1)], ['red', 'blue'])
      }
    }
  })

  test('grey becomes colour, transparency becomes white', async () => {
    const grey = await develop(await picture(80, 60).greyscale().png().toBuffer())
    const clear = await develop(
      await sharp({ create: { width: 80, height: 60, channels: 4, background: '#ff000000' } })
        .png()
        .toBuffer(),
    )
    for (const variant of clear.variants) assert.equal(await colour(variant, 0.5, 0.5), 'white')
    for (const { bytes } of [...grey.variants, ...clear.variants]) {
      const { channels, hasAlpha } = await sharp(bytes).metadata()
      assert.deepEqual([channels, hasAlpha], [3, false])
    }
  })

  test('turned upright, and nothing told but the picture', async () => {
    const source = await withLocation(120, 80)
    const told = await sharp(source).metadata()
    assert.ok(told.exif?.includes('SECRET-OWNER') && told.orientation === 6)
    const { variants } = await develop(source)
    assert.deepEqual(sizes(variants), ['80x120.avif', '80x120.jpeg', '80x120.webp'])
    for (const variant of variants) {
      const { exif, xmp, iptc, icc, orientation } = await sharp(variant.bytes).metadata()
      assert.deepEqual(
        { exif, xmp, iptc, icc, orientation: orientation ?? 1 },
        { exif: undefined, xmp: undefined, iptc: undefined, icc: undefined, orientation: 1 },
      )
      assert.ok(!Buffer.from(variant.bytes).includes('SECRET-OWNER'))
      assert.deepEqual([await colour(variant, 0.5, 0.1), await colour(variant, 0.5, 0.9)], ['red', 'blue'])
    }
  })

  test('only the first frame of an animation', async () => {
    const { variants } = await develop(await animatedWebp())
    assert.deepEqual(sizes(variants), ['64x48.avif', '64x48.jpeg', '64x48.webp'])
    for (const variant of variants) assert.equal(await colour(variant, 0.5, 0.9), 'red')
  })
})

describe('edits', () => {
  test('a crop is of the upright picture, and the proof shows the whole', async () => {
    const { variants, proof } = await develop(await withLocation(1200, 800), {
      crop: { x: 0, y: 0.5, width: 1, height: 0.25 },
    })
    assert.equal(variants.length, 9)
    assert.ok(sizes(variants).includes('800x300.avif'))
    for (const variant of variants) assert.equal(await colour(variant, 0.02, 0.9), 'blue')
    assert.deepEqual([proof?.width, proof?.height, proof?.format], [800, 1200, 'jpeg'])
  })

  test('a crop at the very edge leaves a pixel', async () => {
    const { variants } = await develop(await picture(10, 10).png().toBuffer(), {
      crop: { x: 0.99, y: 1, width: 0.02, height: 0.02 },
    })
    assert.deepEqual(sizes(variants), ['1x1.avif', '1x1.jpeg', '1x1.webp'])
  })

  test('sharpening steepens an edge, blurring softens it', async () => {
    const source = await picture(400, 300).blur(2).png().toBuffer()
    const steepness = async (edits: Edits): Promise<number> => {
      const { variants } = await develop(source, edits)
      const variant = variants.find(({ format, width }) => format === 'webp' && width === 400)
      const row = await sharp(variant?.bytes)
        .greyscale()
        .extract({ left: 0, top: 20, width: 400, height: 1 })
        .raw()
        .toBuffer()
      return row.reduce((most, value, at) => Math.max(most, Math.abs(value - (row[at - 1] ?? value))), 0)
    }
    const [plain, sharpened, blurred] = [
      await steepness({}),
      await steepness({ sharpen: 1 }),
      await steepness({ blur: 1 }),
    ]
    assert.ok(blurred < plain && plain < sharpened, `${blurred} < ${plain} < ${sharpened}`)
  })
})

describe('images that lie', () => {
  test('what is no image, whatever it pretends', async () => {
    const zip = Buffer.from('504b0304', 'hex')
    const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"/>'
    const gif = await picture(10, 10).gif().toBuffer()
    const tiff = await picture(10, 10).tiff().toBuffer()
    for (const bytes of [
      '',
      'x',
      svg,
      `<?xml version="1.0"?>${svg}`,
      '%PDF-1.7',
      '<html>',
      zip,
      gif,
      tiff,
      heic(),
    ])
      await refused(bytes, 'not-an-image')
  })

  test('another reading of the same bytes: a polyglot that does not begin as an image', async () => {
    const jpeg = await picture(10, 10).jpeg().toBuffer()
    for (const head of ['%PDF-1.7\n', 'GIF89a', '<script>', '#!/bin/sh\n'])
      await refused(Buffer.concat([Buffer.from(head), jpeg]), 'not-an-image')
  })

  test('what hides behind or inside an image does not come through', async () => {
    const jpeg = await picture(60, 40).jpeg().toBuffer()
    const html = Buffer.from('<script>alert("payload")</script>')
    const comment = Buffer.concat([
      jpeg.subarray(0, 2),
      Buffer.from([0xff, 0xfe, 0, html.length + 2]),
      html,
      jpeg.subarray(2),
    ])
    const behind = Buffer.concat([jpeg, Buffer.from('504b0304', 'hex'), html])
    for (const bytes of [comment, behind]) {
      const { variants } = await develop(bytes)
      for (const variant of variants) assert.ok(!Buffer.from(variant.bytes).includes('payload'))
    }
  })

  test('one kind that says it is another', async () => {
    const png = await picture(60, 40).png().toBuffer()
    const jpeg = await picture(60, 40).jpeg().toBuffer()
    await refused(Buffer.concat([png.subarray(0, 8), jpeg]), 'damaged')
    await refused(Buffer.concat([jpeg.subarray(0, 4), png]), 'damaged')
  })

  test('truncated, of every kind', async () => {
    const source = picture(600, 400)
    for (const bytes of await Promise.all([
      source.jpeg().toBuffer(),
      source.png().toBuffer(),
      source.webp().toBuffer(),
      source.avif().toBuffer(),
    ])) {
      for (const part of [0.1, 0.5, 0.9])
        await refused(bytes.subarray(0, Math.floor(bytes.length * part)), 'damaged')
    }
  })

  test('more pixels than fit: refused by the header, without memory', async () => {
    for (const [width, height] of [
      [100_000, 100_000],
      [20_000, 2501],
      [1_000_000, 51],
    ] as const)
      await refused(hugePng(width, height), 'too-large')
  })

  test('a header that promises more than follows', async () => {
    await refused(hugePng(7000, 7000), 'damaged')
  })

  test('forty-nine megapixels of nothing in a few kilobytes', async () => {
    const bytes = await sharp({ create: { width: 7000, height: 7000, channels: 3, background: '#204060' } })
      .png({ compressionLevel: 9 })
      .toBuffer()
    assert.ok(bytes.length < 400_000)
    assert.equal((await develop(bytes)).variants.length, 12)
  })
})
