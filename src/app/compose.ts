import { systemClock } from '../core/clock.ts'
import { createContextStorage } from '../core/context.ts'
import { lifecycle } from '../core/lifecycle.ts'
import { formatLsn } from '../core/lsn.ts'
import { systemRandom } from '../core/random.ts'
import { sweepMarkers } from '../data/client/sweep.ts'
import { DataClient, directoryStatus, systemStore } from '../data/index.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createHandler } from '../web/handler.ts'
import { sweepReservations } from '../web/request/idempotency.ts'
import { pendingAssets, pendingLimits, pendingSessions } from './pending.ts'
import type { CreateRuntime, Runtime } from './runtime.ts'
import { buildSystem } from './system.ts'
import { createUpkeep } from './upkeep.ts'

/** Sessions per cluster for writes, and as many for slow reads. */
const CONNECTIONS_MAX = 10

/** The composition root of an application: data client, platform services, system, request path. */
export const createRuntime: CreateRuntime = (definition, options): Runtime => {
  const { log, clusters, doubleRun = false, connectionsMax = CONNECTIONS_MAX } = options
  const clock = options.clock ?? systemClock
  const random = options.random ?? systemRandom()
  const storage = createContextStorage()
  const metrics = createMetrics()
  // The data client lives in real time: its deadlines concern real servers, also when a test moves the clock.
  const data = new DataClient({
    clusters,
    placing: definition.placing,
    storage,
    log,
    clock: systemClock,
    random,
    connectionsMax,
    doubleRun,
  })
  const store = systemStore(data, random, storage)
  const system = buildSystem({
    definition,
    data,
    storage,
    metrics,
    log,
    sessions: pendingSessions,
    limits: pendingLimits,
    assets: pendingAssets,
  })
  const upkeep = createUpkeep({
    clock: systemClock,
    random,
    log,
    sweeps: [
      { name: 'markers', run: () => sweepMarkers(store) },
      { name: 'reservations', run: () => sweepReservations(store) },
    ],
  })
  const handler = createHandler({
    fetch: (request) => fetch(request),
    contexts: storage,
    clock,
    random,
    log,
    metrics,
    store,
    principal: async () => null,
    bodyBytesMax: definition.options.bodyBytesMax,
    trustedProxies: options.trustedProxies,
  })
  let fetch: (request: Request) => Response | Promise<Response> = () => new Response(null, { status: 503 })
  let state: 'new' | 'running' | 'draining' = 'new'

  const service = lifecycle(
    async () => {
      await data.start()
      fetch = definition.options.fetch(system as never)
      await upkeep.start()
      state = 'running'
    },
    async () => {
      state = 'draining'
      handler.drain()
      await handler.settled()
      handler.stop()
      await upkeep.stop()
      await data.stop()
    },
  )
  return {
    ...service,
    system,
    handler,
    listener: handler.listener,
    ready: async () => {
      if (state !== 'running') return { ready: false, reason: state === 'new' ? 'starting' : 'draining' }
      try {
        await Promise.all(data.clusterNames.map((name) => data.positionOf(name)))
        return { ready: true }
      } catch (error) {
        return { ready: false, reason: (error as Error).message }
      }
    },
    metricsText: () => metrics.text(),
    directory: () => directoryStatus(data.directory),
    position: async (cluster) => {
      const { lsn, timeline } = await data.positionOf(cluster)
      return { lsn: formatLsn(lsn), timeline }
    },
    drain: () => {
      state = 'draining'
      handler.drain()
    },
  }
}
