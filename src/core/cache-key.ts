import { TenfoldError } from './errors.ts'
import type { Json } from './json.ts'
import type { Placement } from './keys.ts'

/** The name and arguments of a cached value; made by a function of `t.cacheKey`. */
export interface CacheKey {
  readonly name: string
  readonly args: readonly Json[]
  /** `name` and `args` as one text. */
  readonly text: string
}

/** A cache key that is too long, or whose arguments have no text of their own. */
export class CacheKeyInvalid extends TenfoldError {
  readonly code = 'TENFOLD_CACHE_KEY'
  constructor(why: string, remedy: string, options?: ErrorOptions) {
    super(`A cache key cannot be used: ${why}.`, remedy, options)
  }
}

/** What {@link CacheKeyInvalid} says of a key that is too long. */
export function cacheKeyTooLong(key: string, lengthMax: number): CacheKeyInvalid {
  return new CacheKeyInvalid(
    `${key.slice(0, 60)}… has ${key.length} characters; ${lengthMax} is the most`,
    'Name the value by ids; hash what is long.',
  )
}

/** Text that JSON puts between quotes as it is. */
const PLAIN = /^[\w-]*$/

/** A key with its text. Made for every read: the usual single id does without `JSON.stringify`. @throws CacheKeyInvalid */
export function makeCacheKey(name: string, args: readonly Json[]): CacheKey {
  const only = args.length === 1 ? args[0] : undefined
  if (typeof only === 'number' && Number.isFinite(only)) return { name, args, text: `${name}[${only}]` }
  if (typeof only === 'string' && PLAIN.test(only)) return { name, args, text: `${name}["${only}"]` }
  return { name, args, text: name + argumentsText(name, args) }
}

/** The JSON of the arguments. What JSON gives the text of something else would share that one's value, and is refused. */
function argumentsText(name: string, args: readonly Json[]): string {
  const refuse = (what: string, options?: ErrorOptions): never => {
    throw new CacheKeyInvalid(
      `an argument of ${name} is or holds ${what}, which has no text of its own`,
      'Give a cache key strings, finite numbers, booleans, null, and plain arrays or objects of them.',
      options,
    )
  }
  function distinct(this: unknown, key: string, value: unknown): unknown {
    if (typeof value === 'number' ? !Number.isFinite(value) : UNTOLD.has(typeof value)) refuse(String(value))
    if (value === null && (this as Record<string, unknown>)[key] !== null) refuse('an invalid date')
    if (typeof value === 'object' && value !== null && !isPlain(value)) refuse(`a ${value.constructor.name}`)
    return value
  }
  try {
    return JSON.stringify(args, distinct)
  } catch (error) {
    if (error instanceof CacheKeyInvalid) throw error
    return refuse('what is not JSON', { cause: error })
  }
}

const UNTOLD: ReadonlySet<string> = new Set(['undefined', 'function', 'symbol', 'bigint'])

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || prototype === Object.prototype
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
