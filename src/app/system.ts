import type { Blobs } from '../blobs/types.ts'
import type { ContextStorage } from '../core/context.ts'
import type { LogFields, Logger } from '../core/log.ts'
import type { DataClient } from '../data/index.ts'
import { OutsideRequest } from '../web/errors.ts'
import { idSource } from './ids.ts'
import { type MakeHandle, spaceHandles } from './shards.ts'
import type { Assets, Jobs, Limits, Metrics, Placing, PlainCache, Sessions, Shard, System } from './types.ts'

/** The parts that {@link buildSystem} puts into an application's hands. */
export interface SystemParts {
  readonly placing: Placing<unknown>
  readonly data: DataClient
  readonly storage: ContextStorage
  readonly log: Logger
  readonly metrics: Metrics
  readonly sessions: Sessions
  readonly limits: Limits
  readonly assets: Assets
  readonly jobs: Jobs
  readonly cache: PlainCache
  readonly blobs: Blobs
  readonly handle: MakeHandle<Shard<never>>
}

/** Makes the `system` that an application sees. */
export function buildSystem({
  placing,
  data,
  storage,
  log,
  metrics,
  sessions,
  limits,
  assets,
  jobs,
  cache,
  blobs,
  handle,
}: SystemParts): System<unknown, Placing<unknown>> {
  const spaces = Object.keys(placing.keys)
  const current = () => {
    const context = storage.current()
    if (!context) throw new OutsideRequest('system.request')
    return context
  }
  return {
    shard: spaceHandles(data, spaces, handle) as never,
    shards: { read: (work, options) => data.readEach((db, cluster) => work(db as never, cluster), options) },
    home: handle('home') as never,
    ids: idSource(data, spaces) as never,
    sessions,
    limits,
    assets,
    jobs,
    cache,
    blobs,
    metrics,
    log: boundLog(storage, log),
    request: {
      get id() {
        return current().requestId
      },
      get signal() {
        return current().signal
      },
      get clientAddress() {
        return current().http?.clientAddress ?? ''
      },
    },
  }
}

/** Writes with the id of the request at hand, if there is one. */
function boundLog(storage: ContextStorage, log: Logger): Logger {
  const own = () => storage.current()?.log ?? log
  return {
    debug: (fields: LogFields, message: string) => own().debug(fields, message),
    info: (fields: LogFields, message: string) => own().info(fields, message),
    warn: (fields: LogFields, message: string) => own().warn(fields, message),
    error: (fields: LogFields, message: string) => own().error(fields, message),
    child: (fields: LogFields) => own().child(fields),
  }
}
