export { type Cache, type CacheOptions, createCache } from './cache.ts'
export type { CachedOptions } from './cached.ts'
export type { CacheKeyReport, CacheReport } from './inspect.ts'
export type { CachePlace, CacheSource } from './ports.ts'
