// The same variants by hand: sharp, a loop over files, and nothing else. One photo at a time, all processors on it.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { largestSize, variantSizes } from '../../examples/lightbox/darkroom/plan.ts'
import { ENCODERS, FORMATS } from '../../examples/lightbox/darkroom/settings.ts'

/** Files to make variants of, and the folder that they go to. */
export interface BareOrder {
  readonly files: readonly string[]
  readonly to: string
}

sharp.cache(false)
sharp.concurrency(1)

interface Sheet {
  readonly data: Buffer
  readonly info: { readonly width: number; readonly height: number }
}

const pixels = (pipeline: Sharp): Promise<Sheet> => pipeline.raw().toBuffer({ resolveWithObject: true })
const over = ({ data, info: { width, height } }: Sheet): Sharp =>
  sharp(data, { raw: { width, height, channels: 3 } })

/** Decoded once; every width is scaled once, and encoded into each format. */
async function make(file: string, to: string): Promise<void> {
  const { autoOrient } = await sharp(file).metadata()
  const largest = await pixels(sharp(file).autoOrient().resize(largestSize(autoOrient)).flatten())
  const sizes = variantSizes(largest.info).reverse()
  const sheets = await Promise.all(
    sizes.map((size) => (size.width === largest.info.width ? largest : pixels(over(largest).resize(size)))),
  )
  await Promise.all(
    sheets.flatMap((sheet) =>
      FORMATS.map((format) =>
        over(sheet)
          .toFormat(format, ENCODERS[format])
          .toFile(join(to, `${randomUUID()}.${format}`)),
      ),
    ),
  )
}

process.on('message', async ({ files, to }: BareOrder) => {
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  for (const file of files) await make(file, to)
  const { user, system } = process.cpuUsage(cpu)
  process.send?.({ seconds: (performance.now() - startedAt) / 1000, cpuMs: (user + system) / 1000 })
})
process.on('disconnect', () => process.exit())
process.send?.('ready')
