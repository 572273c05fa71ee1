/** A value that survives `JSON.stringify` and `JSON.parse` unchanged. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/**
 * What `JSON.parse(JSON.stringify(value))` gives for a `T`: a Date becomes a string, an undefined property
 * goes, a function or bigint is impossible.
 */
export type Jsonified<T> = T extends string | number | boolean | null
  ? T
  : T extends { toJSON(): infer R }
    ? Jsonified<R>
    : T extends bigint | symbol | ((...args: never[]) => unknown)
      ? never
      : // biome-ignore lint/suspicious/noConfusingVoidType: what a function without a result gives
        T extends undefined | void
        ? undefined
        : T extends readonly unknown[]
          ? { [K in keyof T]: Jsonified<T[K]> }
          : T extends object
            ? { [K in keyof T as K extends string ? K : never]: Jsonified<T[K]> }
            : unknown
