import type { Json } from './json.ts'
import type { Placement } from './keys.ts'

/** The name and arguments of a cached value; made by a function of `t.cacheKey`. */
export interface CacheKey {
  readonly name: string
  readonly args: readonly Json[]
  /** `name` and `args` as one text. */
  readonly text: string
}

/**
 * A key within its shard: a value belongs to the bucket of the shard that it was read from, and only a write of
 * that bucket can make it invalid.
 */
export function cacheKeyText(placement: Placement | 'home', key: CacheKey): string {
  return shardPrefix(placement) + key.text
}

/** What the texts of all keys of a shard begin with; no other text does. */
export function shardPrefix(placement: Placement | 'home'): string {
  return placement === 'home' ? 'h ' : `${placement.bucket}.${placement.tag} `
}
