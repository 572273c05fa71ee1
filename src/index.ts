export { tenfold } from './app/define.ts'
export type {
  AppDefinition,
  AppOptions,
  Db,
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
export { TenfoldError } from './core/errors.ts'
export type { KeyInput } from './core/keys.ts'
