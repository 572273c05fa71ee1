import { readFileSync } from 'node:fs'
import type { Runtime } from '../app/runtime.ts'
import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import { createWebServer, type TlsOptions } from '../web/server.ts'
import { ConfigInvalid } from './errors.ts'
import type { StartRequest } from './start-request.ts'

/** The application's HTTP server. */
export interface Web {
  readonly url: string
  readonly port: number
  /** Drains, then closes. */
  close(): Promise<void>
  /** Ends what is still running; a close that waits for it goes on. */
  hurry(): void
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
  }
}

function readTls({ tls }: StartRequest): TlsOptions | undefined {
  if (tls === undefined) return undefined
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path)
    } catch (error) {
      throw new ConfigInvalid(
        `The TLS file ${path} cannot be read: ${(error as Error).message}.`,
        'Correct `tls.cert` and `tls.key`, and let this user read the files.',
        { cause: error },
      )
    }
  }
  return { cert: read(tls.cert), key: read(tls.key) }
}
