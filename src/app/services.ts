import { systemClock } from '../core/clock.ts'
import { createContextStorage } from '../core/context.ts'
import { systemRandom } from '../core/random.ts'
import { sweepMarkers } from '../data/client/sweep.ts'
import { DataClient, systemStore } from '../data/index.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createAssets } from '../web/assets/assets.ts'
import { createHandler } from '../web/handler.ts'
import { WebLimits } from '../web/limits/limits.ts'
import { sweepReservations } from '../web/request/idempotency.ts'
import { WebSessions } from '../web/sessions/sessions.ts'
import { noAssets } from './no-assets.ts'
import type { RuntimeOptions } from './runtime.ts'
import { dataHandles } from './shards.ts'
import { buildSystem } from './system.ts'
import type { AppDefinition } from './types.ts'
import { createUpkeep } from './upkeep.ts'

/** Sessions per cluster for writes, and as many for slow reads. */
const CONNECTIONS_MAX = 10

type Fetch = (request: Request) => Response | Promise<Response>

/** The parts of an application that runs, wired from the bottom up; nothing has been started. */
export function wireServices({ options: app, placing }: AppDefinition, options: RuntimeOptions) {
  const { log, clusters, signingKeys, secureCookies } = options
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom()
  const storage = createContextStorage()
  const metrics = createMetrics()
  // The data client lives in real time: its deadlines concern real servers, also when a test moves the clock.
  const data = new DataClient({
    clusters,
    placing,
    storage,
    log,
    clock: systemClock,
    random,
    connectionsMax: options.connectionsMax ?? CONNECTIONS_MAX,
    doubleRun: options.doubleRun ?? false,
  })
  const store = systemStore(data, random, storage)
  const sessions = new WebSessions({
    store,
    contexts: storage,
    clock,
    random,
    log,
    signingKeys,
    secureCookies,
  })
  const limits = new WebLimits({ store, clock, log })
  const assets = app.assets && createAssets({ folder: app.assets, log, clock })
  const system = buildSystem({
    placing,
    data,
    storage,
    log,
    metrics,
    sessions,
    limits,
    assets: assets ?? noAssets,
    handle: dataHandles(data) as never,
    jobs: undefined as never,
    cache: undefined as never,
    blobs: undefined as never,
  })
  // The application's own handler is made at start, when `system` works.
  let fetch: Fetch = () => new Response(null, { status: 503 })
  const handler = createHandler({
    fetch: (request) => fetch(request),
    contexts: storage,
    clock,
    random,
    log,
    metrics,
    store,
    principal: () => sessions.principal(),
    assets,
    bodyBytesMax: app.bodyBytesMax,
    trustedProxies: options.trustedProxies,
  })
  const sweeps = [
    { name: 'markers', run: () => sweepMarkers(store) },
    { name: 'reservations', run: () => sweepReservations(store) },
    { name: 'sessions', run: () => sessions.sweep() },
    { name: 'limits', run: () => limits.sweep() },
  ]
  const upkeep = createUpkeep({ clock: systemClock, random, log, sweeps })
  const serve = (): void => {
    fetch = app.fetch(system as never)
  }
  return { data, system, metrics, assets, handler, upkeep, serve }
}
