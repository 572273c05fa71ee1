/**
 * PostgreSQL's extended hash functions with seed 0, low 32 bits: `hashint8extended`, `hashtextextended` (for
 * deterministic collations) and `uuid_hash_extended`. They are Bob Jenkins' lookup3 (2006) as PostgreSQL uses
 * it in src/common/hashfn.c. A test compares them with the server's over a million keys.
 */

const GOLDEN = 0x9e3779b9
const INITIAL_EXTRA = 3923095

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by))

/** The low half of the 64-bit hash: the word `c` of lookup3's final mixing. */
function finalMix(a: number, b: number, c: number): number {
  c = ((c ^ b) - rotate(b, 14)) | 0
  a = ((a ^ c) - rotate(c, 11)) | 0
  b = ((b ^ a) - rotate(a, 25)) | 0
  c = ((c ^ b) - rotate(b, 16)) | 0
  a = ((a ^ c) - rotate(c, 4)) | 0
  b = ((b ^ a) - rotate(a, 14)) | 0
  c = ((c ^ b) - rotate(b, 24)) | 0
  return c >>> 0
}

/** @param key a signed 64-bit integer @returns 0 … 2³²−1 */
export function hashBigint(key: bigint): number {
  const low = Number(key & 0xffffffffn)
  const high = Number((key >> 32n) & 0xffffffffn)
  // Negative numbers hash like the equal int4: the high half is folded in inverted.
  const folded = low ^ (key >= 0n ? high : ~high)
  const start = (GOLDEN + 4 + INITIAL_EXTRA) | 0
  return finalMix((start + folded) | 0, start, start)
}

/** @returns 0 … 2³²−1 */
export function hashText(key: string): number {
  return hashBytes(Buffer.from(key, 'utf8'))
}

/** @param key the canonical text form, in any case @returns 0 … 2³²−1 */
export function hashUuid(key: string): number {
  return hashBytes(Buffer.from(key.replaceAll('-', ''), 'hex'))
}

function hashBytes(bytes: Buffer): number {
  let a = (GOLDEN + bytes.length + INITIAL_EXTRA) | 0
  let b = a
  let c = a
  let at = 0
  for (; bytes.length - at >= 12; at += 12) {
    a = (a + bytes.readUInt32LE(at)) | 0
    b = (b + bytes.readUInt32LE(at + 4)) | 0
    c = (c + bytes.readUInt32LE(at + 8)) | 0
    a = (a - c) ^ rotate(c, 4)
    c = (c + b) | 0
    b = (b - a) ^ rotate(a, 6)
    a = (a + c) | 0
    c = (c - b) ^ rotate(b, 8)
    b = (b + a) | 0
    a = (a - c) ^ rotate(c, 16)
    c = (c + b) | 0
    b = (b - a) ^ rotate(a, 19)
    a = (a + c) | 0
    c = (c - b) ^ rotate(b, 4)
    b = (b + a) | 0
  }
  // The last 0 … 11 bytes; the lowest byte of c is kept for the length.
  const tail = Buffer.alloc(12)
  bytes.copy(tail, 0, at)
  a = (a + tail.readUInt32LE(0)) | 0
  b = (b + tail.readUInt32LE(4)) | 0
  c = (c + (tail.readUInt32LE(8) << 8)) | 0
  return finalMix(a, b, c)
}
