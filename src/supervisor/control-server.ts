import { chmodSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { SystemStatus } from '../core/topology.ts'
import type { ControlAnswer } from './control-answer.ts'
import { controlSocketPath, prepareSocketFolder } from './control-path.ts'
import { followLogs, type LogQuery, tailLogs } from './logs.ts'
import type { StateFolder } from './state-folder.ts'

/** What the control socket offers to the commands of the same user. */
export interface Control {
  readonly folder: StateFolder
  readonly status: () => Promise<SystemStatus>
  readonly stop: () => void
  /** Jobs, the cache: what a process that runs the application answers. */
  readonly ask: (method: string, path: string) => Promise<ControlAnswer>
  /** Scales, restarts and breaks nodes; absent where there is only one. */
  readonly operate?: ((url: URL) => Promise<ControlAnswer>) | undefined
}

const OPERATIONS = new Set(['/scale', '/restart', '/fault'])
const NOTHING_TO_OPERATE = {
  status: 409,
  body: {
    title: 'This system has one process for everything: stage `single`.',
    code: 'TENFOLD_STAGE_UNAVAILABLE',
    remedy: 'Start it with `--stage split` or a later one.',
  },
}

/** HTTP over a Unix socket that only this user can open. The caller holds the folder's lock. */
export async function openControl(control: Control): Promise<{ close(): Promise<void> }> {
  const path = controlSocketPath(control.folder.path)
  prepareSocketFolder(path)
  // Left behind by a process that was killed: we hold the lock, so nobody listens there.
  rmSync(path, { force: true })
  const over = new AbortController()
  const server = createServer((req, res) => void answer(control, req, res, over.signal))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  chmodSync(path, 0o600)
  return { close: () => close(server, over) }
}

function close(server: Server, over: AbortController): Promise<void> {
  over.abort()
  server.closeAllConnections()
  return new Promise((resolve) => server.close(() => resolve()))
}

async function answer(
  control: Control,
  req: IncomingMessage,
  res: ServerResponse,
  over: AbortSignal,
): Promise<void> {
  const url = URL.parse(req.url ?? '/', 'http://localhost')
  if (url === null) return sendJson(res, 400, { title: 'This is no path' })
  try {
    if (req.method === 'GET' && url.pathname === '/status') return sendJson(res, 200, await control.status())
    if (url.pathname.startsWith('/jobs') || url.pathname === '/cache') {
      const { status, body } = await control.ask(req.method ?? 'GET', `${url.pathname}${url.search}`)
      return sendJson(res, status, body)
    }
    if (req.method === 'POST' && OPERATIONS.has(url.pathname)) {
      const { status, body } = (await control.operate?.(url)) ?? NOTHING_TO_OPERATE
      return sendJson(res, status, body)
    }
    if (req.method === 'GET' && url.pathname === '/logs')
      return await sendLogs(control.folder, url, res, over)
    if (req.method === 'POST' && url.pathname === '/stop') {
      // Ours is among the connections that the stop closes: answer first.
      res.on('finish', control.stop)
      return sendJson(res, 202, { stopping: true })
    }
    sendJson(res, 404, { title: 'There is no such page' })
  } catch (error) {
    if (!res.headersSent) sendJson(res, 500, { title: String(error) })
    else res.destroy()
  }
}

export function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
  res.end(`${JSON.stringify(body, null, 2)}\n`)
}

async function sendLogs(
  folder: StateFolder,
  url: URL,
  res: ServerResponse,
  over: AbortSignal,
): Promise<void> {
  const query: LogQuery = {
    node: url.searchParams.get('node') ?? undefined,
    lines: Math.min(100_000, Math.max(0, Number(url.searchParams.get('lines') ?? 100) || 0)),
  }
  res.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' })
  const gone = new AbortController()
  res.on('close', () => gone.abort())
  if (url.searchParams.get('follow') === '1') {
    const signal = AbortSignal.any([over, gone.signal])
    for await (const entry of followLogs(folder, query, signal)) res.write(`${JSON.stringify(entry)}\n`)
  } else for (const entry of tailLogs(folder, query)) res.write(`${JSON.stringify(entry)}\n`)
  res.end()
}
