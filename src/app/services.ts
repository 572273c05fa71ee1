import { createLocalBlobs } from '../blobs/local.ts'
import { systemClock } from '../core/clock.ts'
import { createContextStorage } from '../core/context.ts'
import type { LocalEffects } from '../core/effects.ts'
import { systemRandom } from '../core/random.ts'
import { sweepMarkers } from '../data/client/sweep.ts'
import { DataClient, systemStore, upkeepSessions } from '../data/index.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { createAssets } from '../web/assets/assets.ts'
import { createHandler } from '../web/handler.ts'
import { WebLimits } from '../web/limits/limits.ts'
import { sweepReservations } from '../web/request/idempotency.ts'
import { createSpool } from '../web/request/spool.ts'
import { WebSeen } from '../web/seen/web-seen.ts'
import { WebSessions } from '../web/sessions/sessions.ts'
import { wireJobs } from './jobs.ts'
import { handlesWithJoints, type JointsBase, together, wireFollowing } from './joints.ts'
import { noAssets } from './no-assets.ts'
import { noBlobs } from './no-blobs.ts'
import type { OutboxPorts } from './outbox.ts'
import type { RuntimeOptions } from './runtime.ts'
import { buildSystem } from './system.ts'
import type { AppDefinition } from './types.ts'
import { createUpkeep } from './upkeep.ts'

/** Sessions per cluster for writes, and as many for slow reads. */
const CONNECTIONS_MAX = 10

type Fetch = (request: Request) => Response | Promise<Response>

/** What everything else stands on: the data client with its stores and sessions, in real time. */
function wireBase({ placing }: AppDefinition, options: RuntimeOptions, local: () => LocalEffects) {
  const { log, clusters } = options
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
    soleProcess: options.soleProcess,
    doubleRun: options.doubleRun ?? false,
    metrics,
    replayHook: {
      sql: 'select effects from tenfold.effects where marker = $1',
      replayed: (cluster, marker, rows, position) => {
        for (const { effects } of rows) local().replayed(cluster, marker, effects as never, position)
      },
    },
  })
  const sessions = upkeepSessions(clusters, (ms, run) => systemClock.timer(ms, run), data)
  const store = systemStore(data, random, storage)
  return { data, sessions, storage, clock, random, log, metrics, store }
}

type Base = ReturnType<typeof wireBase>

/** The request path with what belongs to it. */
function wireWeb({ options: app }: AppDefinition, options: RuntimeOptions, base: Base) {
  const { data, storage, clock, random, log, metrics, store } = base
  const { signingKeys, secureCookies } = options
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
  const directory = {
    clusters: data.clusterNames,
    get directoryEpoch() {
      return data.directory.epoch
    },
    losses: (cluster: string) => data.cluster(cluster).losses,
  }
  const onLost = (clusters: readonly string[]): void => {
    for (const cluster of clusters) data.cluster(cluster).metrics.lostSessions.value++
    log.warn({ clusters }, 'a session has seen what a failover with loss may have taken, and is told so')
  }
  const seen = new WebSeen({ signingKeys, random, directory, secureCookies, onLost })
  const { spoolFolder: folder } = options
  const spool =
    folder === undefined ? undefined : createSpool({ folder, clock: systemClock, random, metrics })
  // The application's own handler is made at start, when `system` works.
  const target = { fetch: (() => new Response(null, { status: 503 })) as Fetch }
  const handler = createHandler({
    fetch: (request) => target.fetch(request),
    contexts: storage,
    clock,
    random,
    log,
    metrics,
    store,
    seen,
    principal: () => sessions.principal(),
    assets,
    bodyBytesMax: app.bodyBytesMax,
    spool,
    trustedProxies: options.trustedProxies,
  })
  return { sessions, limits, assets, handler, target, directory, spool }
}

/** The parts of an application that runs, wired from the bottom up; nothing has been started. */
export function wireServices(definition: AppDefinition, options: RuntimeOptions) {
  const base = wireBase(definition, options, () => following.effects.local)
  const { data, storage, clock, random, log, metrics, store } = base
  const following = wireFollowing(base satisfies JointsBase, options)
  const { blobFolder: folder } = options
  const blobs =
    folder === undefined ? noBlobs : createLocalBlobs({ folder, store, clock, random, log, metrics })
  const web = wireWeb(definition, options, base)
  const { sessions, limits, assets, handler } = web
  const parts: { system?: unknown; outbox?: OutboxPorts } = {}
  const jobs = wireJobs(base, definition, options, web.directory, parts)
  const outbox = { effects: following.effects.local, jobs: jobs.intake, blobs, storage }
  parts.outbox = outbox
  const handle = handlesWithJoints(data, following, outbox)
  const system = buildSystem({
    placing: definition.placing,
    data,
    storage,
    log,
    metrics,
    sessions,
    limits,
    assets: assets ?? noAssets,
    handle,
    jobs: jobs.handle as never,
    cache: following.cache.plain as never,
    blobs,
  })
  parts.system = system
  const sweeps = [
    { name: 'markers', run: () => sweepMarkers(store) },
    { name: 'reservations', run: () => sweepReservations(store) },
    { name: 'sessions', run: () => sessions.sweep() },
    { name: 'limits', run: () => limits.sweep() },
    { name: 'blobs', run: () => blobs.sweep() },
  ]
  const upkeep = createUpkeep({ clock: systemClock, random, log, sweeps })
  const serve = (): void => {
    web.target.fetch = definition.options.fetch(system as never)
  }
  const beside = together([
    ...(web.spool ? [web.spool] : []),
    blobs,
    following.effects,
    upkeep,
    // Last to start, first to stop: its runs use all of the above.
    (options.runJobs ?? true) === true ? jobs.worker : { ...jobs.worker, start: async () => {} },
  ])
  return { data, system, metrics, assets, handler, beside, serve, following, jobs }
}
