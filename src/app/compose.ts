import { lifecycle } from '../core/lifecycle.ts'
import { formatLsn } from '../core/lsn.ts'
import { directoryStatus } from '../data/index.ts'
import type { CreateRuntime, Runtime } from './runtime.ts'
import { wireServices } from './services.ts'

/** The composition root of an application: its parts, started from the bottom up and stopped from the top down. */
export const createRuntime: CreateRuntime = (definition, options): Runtime => {
  const { data, system, metrics, assets, handler, upkeep, serve } = wireServices(definition, options)
  let state: 'starting' | 'running' | 'draining' = 'starting'
  const drain = (): void => {
    state = 'draining'
    handler.drain()
  }
  const start = async (): Promise<void> => {
    await Promise.all([data.start(), assets?.start()])
    serve()
    await upkeep.start()
    if (state === 'starting') state = 'running'
  }
  const stop = async (): Promise<void> => {
    drain()
    await handler.settled()
    handler.stop()
    await upkeep.stop()
    await Promise.all([data.stop(), assets?.stop()])
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
    position: async (cluster) => {
      const { lsn, timeline } = await data.positionOf(cluster)
      return { lsn: formatLsn(lsn), timeline }
    },
    drain,
  }
}
