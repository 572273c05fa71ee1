export { tenfold } from './app/define.ts'
export type {
  AppDefinition,
  AppOptions,
  CachedOptions,
  Db,
  EnqueueOptions,
  Job,
  JobRun,
  JobStatus,
  KeySpace,
  Limit,
  Placing,
  ReadOptions,
  Session,
  Shard,
  Space,
  System,
  SystemOf,
  Toolkit,
  Tx,
  WriteOptions,
} from './app/types.ts'
export type { CacheKey } from './core/cache-key.ts'
export type { Duration } from './core/duration.ts'
export { TenfoldError } from './core/errors.ts'
export type { KeyInput } from './core/keys.ts'
