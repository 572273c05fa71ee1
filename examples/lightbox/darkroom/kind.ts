/** The kinds of image that are read. */
export type Kind = 'jpeg' | 'png' | 'webp' | 'avif'

/** So many bytes tell the kind of every file. */
export const HEAD_BYTES = 64

const text = (head: Uint8Array, from: number, to: number): string =>
  String.fromCharCode(...head.subarray(from, to))

/** What the first bytes of a file say it is; null for everything that is not read, HEIC, GIF and SVG included. */
export function kindOf(head: Uint8Array): Kind | null {
  if (text(head, 0, 3) === '\xff\xd8\xff') return 'jpeg'
  if (text(head, 0, 8) === '\x89PNG\r\n\x1a\n') return 'png'
  if (text(head, 0, 4) === 'RIFF' && text(head, 8, 12) === 'WEBP') return 'webp'
  return text(head, 4, 8) === 'ftyp' && isAvif(head) ? 'avif' : null
}

/** AVIF and HEIC are one container: its first box lists the brands, after the major one and its version. */
function isAvif(head: Uint8Array): boolean {
  const [a = 0, b = 0, c = 0, d = 0] = head
  const end = Math.min(((a << 24) | (b << 16) | (c << 8) | d) >>> 0, head.length)
  for (let at = 8; at + 4 <= end; at += 4) {
    if (at !== 12 && text(head, at, at + 4) === 'avif') return true
  }
  return false
}
