import sharp from 'sharp'

export async function paint(_scene: string, _seed: number): Promise<Uint8Array> {
  return sharp({ create: { width: 1280, height: 960, channels: 3, background: '#456' } })
    .jpeg()
    .toBuffer()
}
