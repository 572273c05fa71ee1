import { systemClock } from '../core/clock.ts'
import { lifecycle } from '../core/lifecycle.ts'
import { formatLsn } from '../core/lsn.ts'
import { directoryStatus } from '../data/index.ts'
import type { Handler } from '../web/options.ts'
import type { CreateRuntime, Runtime } from './runtime.ts'
import { wireServices } from './services.ts'

/** As long as a statement may take: a request that still hopes for an answer has it by then. */
const DRAIN_MS = 10_000
/** Work that nobody waits for any more, after the last request was ended. */
const LEFT_WORK_MS = 500

/** The composition root of an application: its parts, started from the bottom up and stopped from the top down. */
export const createRuntime: CreateRuntime = (definition, options): Runtime => {
  const { data, system, metrics, assets, handler, beside, serve, following, jobs } = wireServices(
    definition,
    options,
  )
  let state: 'starting' | 'running' | 'draining' = 'starting'
  const drain = (): void => {
    state = 'draining'
    handler.drain()
    // Its runs end beside the requests, not after them.
    void jobs.pause()
  }
  const start = async (): Promise<void> => {
    await Promise.all([data.start(), assets?.start()])
    serve()
    await beside.start()
    if (state === 'starting') state = 'running'
  }
  const stop = async (): Promise<void> => {
    drain()
    await settled(handler, options.drainMs ?? DRAIN_MS)
    handler.stop()
    await beside.stop()
    await Promise.all([data.stop({ waitMs: LEFT_WORK_MS }), assets?.stop()])
  }
  return {
    ...lifecycle(start, stop),
    system,
    handler,
    listener: handler.listener,
    ready: async () => {
      if (state !== 'running') return { ready: false, reason: state }
      try {
        await Promise.all(data.clusterNames.map((name) => data.positionOf(name)))
        return { ready: true }
      } catch (error) {
        return { ready: false, reason: (error as Error).message }
      }
    },
    metricsText: () => metrics.text(),
    directory: () => directoryStatus(data.directory),
    databases: () =>
      Object.fromEntries(data.clusterNames.map((name) => [name, data.cluster(name).memberStatus])),
    position: async (cluster) => {
      const { lsn, timeline } = await data.positionOf(cluster)
      return { lsn: formatLsn(lsn), timeline }
    },
    relay: () => following.effects.status(),
    cache: following.cache,
    jobs,
    beginJobs: () => jobs.worker.start(),
    members: (cluster, members, losses) => data.setMembers(cluster, members, losses),
    drain,
  }
}

/** Waits in real time, also where a test moves the clock of the application. */
async function settled(handler: Handler, msMax: number): Promise<void> {
  const over = new AbortController()
  const late = systemClock.sleep(msMax, { signal: over.signal }).catch(() => {})
  await Promise.race([handler.settled(), late])
  over.abort()
}
