import type { Json } from './json.ts'
import type { Placement } from './keys.ts'

/** The name and arguments of a cached value; made by a function of `t.cacheKey`. */
export interface CacheKey {
  readonly name: string
  readonly args: readonly Json[]
  /** `name` and `args` as one text. */
  readonly text: string
}

/** Text that JSON puts between quotes as it is. */
const PLAIN = /^[\w-]*$/

/** A key with its text. Made for every read: the usual single id does without `JSON.stringify`. */
export function makeCacheKey(name: string, args: readonly Json[]): CacheKey {
  const only = args.length === 1 ? args[0] : undefined
  if (typeof only === 'number' && Number.isFinite(only)) return { name, args, text: `${name}[${only}]` }
  if (typeof only === 'string' && PLAIN.test(only)) return { name, args, text: `${name}["${only}"]` }
  return { name, args, text: name + JSON.stringify(args) }
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
