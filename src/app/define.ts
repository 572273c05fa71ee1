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
      (...given) => {
        const args = argsOf(...given)
        return { name, args, text: `${name}${JSON.stringify(args)}` }
      },
    app: (options: AppOptions<Schema, typeof placing>) => ({ kind: 'tenfold.app', options, placing }),
  })
}
