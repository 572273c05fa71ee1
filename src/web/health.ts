import type { IncomingMessage, ServerResponse } from 'node:http'

/** Whether traffic may come, and why not. */
export interface Readiness {
  readonly ready: boolean
  readonly reason?: string
}

/**
 * `/healthz` says that the process lives, whatever else is down: who restarts on it must not restart because a
 * database is away. `/readyz` says whether to send traffic.
 */
export async function healthAnswer(
  req: IncomingMessage,
  res: ServerResponse,
  ready: () => Promise<Readiness>,
): Promise<void> {
  let answer: Readiness = { ready: true }
  if (req.url === '/readyz') {
    try {
      answer = await ready()
    } catch (error) {
      answer = { ready: false, reason: error instanceof Error ? error.name : 'unknown' }
    }
  }
  const alive = req.url === '/healthz'
  const body = JSON.stringify(
    alive ? { status: 'alive' } : { status: answer.ready ? 'ready' : 'not ready', reason: answer.reason },
  )
  res.writeHead(answer.ready ? 200 : 503, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...(answer.reason === 'draining' ? { connection: 'close' } : {}),
  })
  res.end(req.method === 'HEAD' ? undefined : body)
}
