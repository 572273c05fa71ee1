import { createServer } from 'node:http'
import { listen } from '../web/listen.ts'

/** Fails now, rather than when everything else has been started. @throws AddressTaken, AddressRefused */
export async function checkPort(port: number): Promise<void> {
  if (port === 0) return
  const probe = createServer()
  await listen(probe, { port }, false)
  await new Promise((resolve) => probe.close(resolve))
}
