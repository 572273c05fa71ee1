import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { SystemStatus } from '../core/topology.ts'
import { listen } from '../web/listen.ts'
import { sendJson } from './control-server.ts'

/** What the console's port shows. */
export interface ConsoleSources {
  readonly status: () => Promise<SystemStatus>
  readonly metricsText: () => Promise<string>
}

/** A page elsewhere must not read this through a name that it makes point here. */
const OWN_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i

/** Health, metrics and the status, on the loopback address only. */
export async function openConsole(
  port: number,
  sources: ConsoleSources,
): Promise<{ url: string; port: number; close(): Promise<void> }> {
  const server = createServer((req, res) => {
    void answer(sources, req, res).catch((error) => {
      if (!res.headersSent) sendJson(res, 500, { title: String(error) })
      else res.destroy()
    })
  })
  const url = await listen(server, { port, flag: '--console-port' }, false)
  return {
    url,
    port: Number(new URL(url).port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(sources: ConsoleSources, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (!OWN_HOST.test(req.headers.host ?? ''))
    return sendJson(res, 421, { title: 'This host is not served here' })
  if (req.method !== 'GET' && req.method !== 'HEAD')
    return sendJson(res, 405, { title: 'Only GET is possible here' })
  const path = (req.url ?? '/').split('?')[0]
  if (path === '/healthz') return sendJson(res, 200, { status: 'ok' })
  if (path === '/api/status') return sendJson(res, 200, await sources.status())
  if (path === '/readyz') {
    const { state } = await sources.status()
    return sendJson(res, state === 'ready' ? 200 : 503, { state })
  }
  if (path === '/metrics') {
    const [metrics, status] = await Promise.all([sources.metricsText(), sources.status()])
    res.writeHead(200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'cache-control': 'no-store',
    })
    res.end(`${metrics.trimEnd()}\n${nodeMetrics(status)}`)
    return
  }
  sendJson(res, 404, { title: 'There is no such page' })
}

/** Prometheus text for the nodes: 1 in the state a node is in. */
export function nodeMetrics({ nodes }: SystemStatus): string {
  const lines = nodes.map(
    ({ id, tier, state }) => `tenfold_node_state{node="${id}",tier="${tier}",state="${state}"} 1`,
  )
  return [
    '# HELP tenfold_node_state The state that each node is in.',
    '# TYPE tenfold_node_state gauge',
    ...lines,
    '',
  ].join('\n')
}
