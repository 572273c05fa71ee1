import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'

/** What a phone takes: twelve megapixels. */
const WIDTH = 4000
const HEIGHT = 3000
const NOISE_WIDTH = 500

/** Photos of ordinary size and detail, no two alike: equal blobs would be stored once. @returns their files */
export async function originals(folder: string, count: number, mark: string): Promise<string[]> {
  const files: string[] = []
  for (let i = 0; i < count; i++) {
    const file = join(folder, `${mark}-${i}.jpg`)
    await writeFile(file, await original(`${mark}-${i}`))
    files.push(file)
  }
  return files
}

/** Clouds of soft noise, a sky and a text that is never the same. */
async function original(text: string): Promise<Buffer> {
  const clouds = await sharp({
    create: {
      width: NOISE_WIDTH,
      height: (NOISE_WIDTH * HEIGHT) / WIDTH,
      channels: 3,
      background: '#000',
      noise: { type: 'gaussian', mean: 128, sigma: 45 },
    },
  })
    .resize(WIDTH, HEIGHT, { kernel: 'cubic' })
    .png({ compressionLevel: 0 })
    .toBuffer()
  const sky = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}">
    <linearGradient id="g" x2="0" y2="1"><stop stop-color="#27c"/><stop offset="1" stop-color="#fb7"/></linearGradient>
    <rect width="100%" height="100%" fill="url(#g)"/><text x="10%" y="60%" font-size="400">${text}</text></svg>`
  return sharp(Buffer.from(sky))
    .composite([{ input: clouds, blend: 'soft-light' }])
    .jpeg({ quality: 90 })
    .toBuffer()
}
