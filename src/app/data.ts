// The entry `tenfold/data`: the data joint alone, on your own PostgreSQL.
export type { Jsonified } from '../core/json.ts'
export type { ConnectionOptions } from '../data/client/types.ts'
export { type OpenData, type OpenDataOptions, openData } from './open-data.ts'
export type { Db, KeySpace, Placing, ReadOptions, Shard, Space, Tx, WriteOptions } from './types.ts'
