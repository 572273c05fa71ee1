import { makeCacheKey } from '../core/cache-key.ts'
import type { AppOptions, Placing, Toolkit } from './types.ts'

/**
 * Declares how the tables of `Schema` are placed. Two calls, because TypeScript infers the placing only when
 * the schema is given apart from it: `tenfold<Schema>()({ keys, global })`.
 */
export function tenfold<Schema>(): <const P extends Placing<Schema>>(placing: P) => Toolkit<Schema, P> {
  return (placing) => ({
    job: (name, options) => ({ kind: 'tenfold.job', name, options }),
    cacheKey:
      (name, argsOf) =>
      (...given) =>
        makeCacheKey(name, argsOf(...given)),
    app: (options: AppOptions<Schema, typeof placing>) => ({ kind: 'tenfold.app', options, placing }),
  })
}
