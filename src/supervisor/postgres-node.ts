import type { Clock } from '../core/clock.ts'
import type { Service } from '../core/lifecycle.ts'
import type { Logger } from '../core/log.ts'
import type { NodeState } from '../core/topology.ts'
import { createPostgres } from '../data/postgres/server.ts'
import type { PostgresOptions, PostgresServer } from '../data/postgres/types.ts'
import { backoff } from './backoff.ts'

/** The embedded PostgreSQL, kept running. */
export interface PostgresNode extends Service {
  /** The present run. */
  readonly server: PostgresServer
  /** As far as the process itself tells: a server that runs may still not answer. */
  readonly state: NodeState
  /** Lets it go on without us; a process that follows adopts it. */
  leave(): void
}

/** How to run it. */
export interface PostgresNodeOptions extends PostgresOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Called with each run as soon as it answers, also with one that was adopted. */
  readonly onRun: (server: PostgresServer) => void
}

/** Starts PostgreSQL and starts it again, with backoff, whenever it ends by itself. */
export function createPostgresNode({ onRun, ...options }: PostgresNodeOptions): PostgresNode {
  const { clock, log } = options
  const over = new AbortController()
  let server = createPostgres(options)
  let repairing: Promise<void> = Promise.resolve()

  const watch = (since: number, previousMs: number | undefined): void => {
    void server.exited.then(({ expected, logTail }) => {
      if (expected || over.signal.aborted) return
      log.error({ node: 'c0-pg-1', logTail }, 'PostgreSQL ended by itself, starting it again')
      repairing = repair(clock.monotonic() - since, previousMs)
    })
  }

  const repair = async (healthyMs: number, previousMs: number | undefined): Promise<void> => {
    let wait = backoff(previousMs, healthyMs)
    while (!over.signal.aborted) {
      await server
        .stop({ mode: 'immediate' })
        .catch((error) => log.error({ error: String(error) }, 'cannot release PostgreSQL'))
      await clock.sleep(wait.waitMs, { signal: over.signal }).catch(() => {})
      if (over.signal.aborted) return
      server = createPostgres(options)
      try {
        await server.start()
        onRun(server)
        log.info({ node: 'c0-pg-1', pid: server.pid }, 'PostgreSQL runs again')
        return watch(clock.monotonic(), wait.nextMs)
      } catch (error) {
        log.error({ node: 'c0-pg-1', error: String(error) }, 'PostgreSQL cannot be started yet')
        wait = backoff(wait.nextMs, 0)
      }
    }
  }

  return {
    get server() {
      return server
    },
    get state() {
      if (server.state === 'running') return 'healthy'
      return server.state === 'starting' || server.state === 'initialising' ? 'starting' : 'down'
    },
    start: async () => {
      await server.start()
      onRun(server)
      watch(clock.monotonic(), undefined)
    },
    stop: async () => {
      over.abort()
      await Promise.all([server.stop(), repairing])
      // A repair that was under way has made a new one.
      await server.stop()
    },
    leave: () => over.abort(),
  }
}
