import { TenfoldError } from '../core/errors.ts'

/** What was to be cached has no JSON form. */
export class CacheValueInvalid extends TenfoldError {
  readonly code = 'TENFOLD_CACHE_VALUE'
  constructor(what: string, why: string, cause?: unknown) {
    super(`The value of ${what} is not JSON: ${why}.`, 'Return plain data; turn a bigint into a string.', {
      cause,
    })
  }
}

/** A cached read inside a write: what it gives may be older than the transaction's own snapshot. */
export class CachedInWrite extends TenfoldError {
  readonly code = 'TENFOLD_CACHED_IN_WRITE'
  constructor(key: string, write: string) {
    super(
      `The write ${JSON.stringify(write)} read the cached value ${key}.`,
      'A decision belongs inside the write: read the rows with tx. What is only shown, read before or after it.',
    )
  }
}

/** A loader read a cached value that can become invalid without its own, or that waits for it. */
export class CacheNesting extends TenfoldError {
  readonly code = 'TENFOLD_CACHE_NESTING'
  constructor(outer: string, inner: string, why: 'itself' | 'elsewhere') {
    super(
      why === 'itself'
        ? `The loader of ${outer} waits for ${inner}, which waits for it.`
        : `The loader of ${outer} read ${inner}, which belongs to another shard.`,
      why === 'itself'
        ? 'Break the circle: one of the loaders must read the rows.'
        : "A cached value may depend on its own shard only, whose writes can invalidate it. Read the parts beside each other, each by its own shard's cached.",
    )
  }
}

/** Audit mode: a hit differs from what its loader gives, and no invalidation explains it. */
export class CacheStale extends TenfoldError {
  readonly code = 'TENFOLD_CACHE_STALE'
  constructor(key: string, difference: string) {
    super(
      `The cached value ${key} is not what its loader gives: ${difference}.`,
      'A write changes what the value shows without tx.invalidate of this key; or the loader depends on more than the key and the rows of its shard.',
    )
  }
}

/** Audit mode: a stale hit whose key was invalidated under another shard than the one that cached it. */
export class CacheKeyElsewhere extends TenfoldError {
  readonly code = 'TENFOLD_CACHE_KEY_ELSEWHERE'
  constructor(key: string, cached: string, invalidated: string, difference: string) {
    super(
      `${key} is cached in the shard ${cached} but was invalidated in the shard ${invalidated}, so the old value stayed: ${difference}.`,
      'Cache it in the shard whose writes change it: a key counts within its shard.',
    )
  }
}
