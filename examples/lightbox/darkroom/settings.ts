/** What every photo is made into. */
export const FORMATS = ['avif', 'webp', 'jpeg'] as const
export type Format = (typeof FORMATS)[number]

/** Widths in pixels; a photo that is narrower than one of them is never enlarged to it. */
export const WIDTHS = [320, 640, 1280, 2048] as const
/** Pixels: what is very tall is made narrower than the widths say. */
export const HEIGHT_MAX = 4096

/**
 * Measured on a photo of 4000 × 3000, at 2048 wide: AVIF takes 250 ms at effort 0 and 1900 ms at effort 3 for 6%
 * fewer bytes; WebP 150 ms at effort 2 and 390 ms at effort 4 for 7%; JPEG 90 ms, and 310 ms with trellis
 * quantisation for 18%, which only old browsers would load.
 */
export const ENCODERS = {
  avif: { quality: 50, effort: 0 },
  webp: { quality: 76, effort: 2 },
  jpeg: { quality: 80, progressive: true },
} as const

/** What is read. The type is told by the bytes alone. */
export const IMAGE_BYTES_MAX = 20 * 1024 * 1024
export const IMAGE_PIXELS_MAX = 50_000_000

/** How wide the picture is on which the owner chooses the crop. */
export const PROOF_WIDTH = 1280

/** Without work for so long the process ends, and with it what libvips keeps in memory. A new one takes 0.2 s to start. */
export const IDLE_MS = 20_000
/**
 * One photo, from its file to the last variant. One of 49 megapixels takes a second on two idle cores: what is left is
 * for machines that are busy.
 */
export const DEADLINE_MS = 120_000
