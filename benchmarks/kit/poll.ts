import { Agent, get, type IncomingHttpHeaders } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds between attempts: what a measured time may be too long by. */
const PAUSE_MS = 3
const WAIT_MS_MAX = 60_000

/**
 * Asks until an answer pleases. Each attempt has a connection of its own: one from before would only show that it
 * is broken.
 */
export async function answers(
  url: string,
  pleases: (status: number, headers: IncomingHttpHeaders) => boolean = (status) => status === 200,
): Promise<void> {
  const until = performance.now() + WAIT_MS_MAX
  while (performance.now() < until) {
    if (await attempt(url, pleases)) return
    await sleep(PAUSE_MS)
  }
  throw new Error(`${url} did not answer as expected within ${WAIT_MS_MAX / 1000} s`)
}

function attempt(
  url: string,
  pleases: (status: number, headers: IncomingHttpHeaders) => boolean,
): Promise<boolean> {
  return new Promise((resolve) => {
    const agent = new Agent({ keepAlive: false })
    const request = get(url, { agent, timeout: 2000 }, (response) => {
      response.resume()
      response.on('error', () => resolve(false))
      response.on('end', () => resolve(pleases(response.statusCode ?? 0, response.headers)))
    })
    request.on('timeout', () => request.destroy())
    request.on('error', () => resolve(false))
  })
}
