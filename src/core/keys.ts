/** The SQL types that a shard key may have; hashing follows this type, never the JavaScript one. */
export type KeyType = 'bigint' | 'text' | 'uuid'

/** A shard key as an application passes it; checked against the declared {@link KeyType}. */
export type KeyInput = string | number | bigint

/** The number of buckets; a bucket is the unit of placement. */
export const BUCKETS = 4096

/** What is known of a shard key without knowing the key: enough to find its cluster. */
export interface Placement {
  /** 0 … 4095: the low 12 bits of PostgreSQL's hash of the key. */
  readonly bucket: number
  /** 0 … 2²⁰−1: the next 20 bits, so that an isolated key can be told from its bucket's other keys. */
  readonly tag: number
}

/** Splits a 32-bit hash into bucket and tag. */
export function placementOf(hash: number): Placement {
  return { bucket: hash % BUCKETS, tag: hash >>> 12 }
}

/** Bucket and tag as the platform's rows have them: what belongs to the home tables is in no bucket. */
export function rowPlace(placement: Placement | 'home'): Placement {
  return placement === 'home' ? { bucket: -1, tag: 0 } : placement
}
