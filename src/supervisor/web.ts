import type { Runtime } from '../app/runtime.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import { createWebServer } from '../web/server.ts'
import type { StartRequest } from './start-request.ts'
import { readTls } from './tls.ts'

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

/** Listens; from now on requests are answered. */
export async function openWeb(options: {
  readonly port: number
  readonly request: StartRequest
  readonly runtime: Runtime
  readonly log: Logger
  readonly clock: Clock
}): Promise<Web> {
  const { port, request, runtime, log, clock } = options
  const server = createWebServer({
    handler: runtime.handler,
    address: { port },
    ready: () => runtime.ready(),
    log,
    clock,
    tls: readTls(request),
    // While developing nobody needs to be let go gently.
    ...(request.watch && { idleGraceMs: 0, drainMs: 1_000 }),
  })
  await server.start()
  return {
    url: server.url,
    port: server.port,
    close: () => server.stop(),
    hurry: () => runtime.handler.stop(),
    renewTls: () => {
      const renewed = readTls(request)
      if (renewed !== undefined) server.renewTls(renewed)
    },
  }
}
