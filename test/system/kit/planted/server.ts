import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Call } from '../history.ts'
import { perform, type Sql, type Store } from '../operations.ts'
import type { Connect, RawWrite } from './writes.ts'

/** What is wrong with a server by hand, apart from how it writes. */
export interface PlantedBugs {
  /** Treats every request as a new one, whatever its Idempotency-Key. */
  readonly ignoresKeys?: boolean
  /** Keeps what it has read once, and nobody tells it of writes. */
  readonly staleCache?: boolean
}

/** The kit's app by hand, on raw connections: the same operations, the same requests, and a planted bug. */
export async function plantedServer(
  t: TestContext,
  connect: Connect,
  write: RawWrite,
  bugs: PlantedBugs = {},
): Promise<string> {
  const cache = new Map<string, unknown>()
  let requests = 0
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    requests += 1
    const url = new URL(req.url ?? '', 'http://localhost')
    const call = (
      req.method === 'POST' ? JSON.parse(await bodyOf(req)) : JSON.parse(url.searchParams.get('call')!)
    ) as Call
    const id = bugs.ignoresKeys ? `request ${requests}` : String(req.headers['idempotency-key'])
    const cacheKey = JSON.stringify(call)
    const cached = bugs.staleCache && req.method === 'GET' ? cache.get(cacheKey) : undefined
    const result = cached ?? (await perform(rawStore(connect, write, id), call))
    cache.set(cacheKey, result)
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(result))
  }
  const server = createServer((req, res) => {
    answer(req, res).catch((error) => res.writeHead(503).end(JSON.stringify({ title: String(error) })))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => closeServer(server))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of req.setEncoding('utf8')) text += chunk
  return text
}

function rawStore(connect: Connect, write: RawWrite, id: string): Store {
  const sqlOf = (client: Awaited<ReturnType<Connect>>): Sql => ({
    query: async (text, params) => (await client.query(text, params as unknown[])).rows,
  })
  const read = async <R>(begin: string, work: (sql: Sql) => Promise<R>): Promise<R> => {
    const client = await connect()
    try {
      await client.query(begin)
      return await work(sqlOf(client))
    } finally {
      await client.end()
    }
  }
  return {
    read: (_key, work) => read('begin read only', work),
    readHome: (work) => read('begin read only isolation level repeatable read', work),
    write: (_key, name, work) => write(connect, `${id} ${name}`, (client) => work(sqlOf(client))),
    writeHome: (name, work) => write(connect, `${id} ${name}`, (client) => work(sqlOf(client))),
  }
}
