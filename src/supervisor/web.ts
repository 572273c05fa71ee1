import type { Runtime } from '../app/runtime.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import { createWebServer } from '../web/server.ts'
import { createIdleTrim } from './idle-trim.ts'
import type { StartRequest } from './start-request.ts'
import { readTls } from './tls.ts'
import { trimHeap } from './trim-heap.ts'

/** The application's HTTP server. */
export interface Web {
  readonly url: string
  readonly port: number
  /** Drains, then closes. */
  close(): Promise<void>
  /** Ends what is still running; a close that waits for it goes on. */
  hurry(): void
  /** Reads the certificate's files again, for new connections. @throws TlsInvalid, and the old one stays */
  renewTls(): void
}

/** Listens; from now on requests are answered, and the heap is trimmed when there are none. */
export async function openWeb(options: {
  readonly port: number
  readonly request: StartRequest
  readonly runtime: Runtime
  readonly log: Logger
  readonly clock: Clock
}): Promise<Web> {
  const { port, request, runtime, log, clock } = options
  const { handler } = runtime
  const server = createWebServer({
    handler,
    address: { port },
    ready: () => runtime.ready(),
    log,
    clock,
    tls: readTls(request),
    // While developing nobody needs to be let go gently.
    ...(request.watch && { idleGraceMs: 0, drainMs: 1_000 }),
  })
  const idle = createIdleTrim({
    clock,
    answered: () => handler.answered,
    inFlight: () => handler.inFlight,
    trim: trimHeap,
  })
  await server.start()
  await idle.start()
  return {
    url: server.url,
    port: server.port,
    close: async () => {
      runtime.drain()
      await Promise.all([idle.stop(), server.stop()])
    },
    hurry: () => handler.stop(),
    renewTls: () => {
      const renewed = readTls(request)
      if (renewed !== undefined) server.renewTls(renewed)
    },
  }
}
