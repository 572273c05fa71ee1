import { createServer, type Server } from 'node:net'
import { PortForbidden, PortTaken } from './errors.ts'

export const LOOPBACK = '127.0.0.1'

type PortFlag = '--port' | '--console-port'

/** The typed error for a port on which one cannot listen. */
export function explainPortError(error: unknown, port: number, flag: PortFlag): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') return new PortTaken(port, flag, { cause: error })
  if (code === 'EACCES')
    return new PortForbidden(
      `This user may not listen on port ${port}.`,
      `Choose a port above 1023 with ${flag} N, and put a proxy in front.`,
      { cause: error },
    )
  return error
}

/** Fails now, rather than when everything else has been started. */
export async function checkPort(port: number, flag: PortFlag): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  await listen(probe, { port, flag })
  await new Promise((resolve) => probe.close(resolve))
}

/** Listens on the loopback address; resolves with the port. */
export function listen(server: Server, { port, flag }: { port: number; flag: PortFlag }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(explainPortError(error, port, flag)))
    server.listen({ port, host: LOOPBACK }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
