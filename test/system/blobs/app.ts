import { tenfold } from 'tenfold'

interface Schema {
  kept: { name: string; blob: string; times: number }
}

const t = tenfold<Schema>()({ keys: {} })
const BYTES_MAX = 40_000_000

/** Keeps what is uploaded, and counts how often each upload was applied. */
export default t.app({
  name: 'uploads',
  migrations: new URL('./migrations/', import.meta.url),
  bodyBytesMax: (method, path) => (method === 'POST' && path.startsWith('/kept/') ? BYTES_MAX : 1_000),
  fetch: (system) => async (request) => {
    const { pathname } = new URL(request.url)
    const [, what, name = ''] = pathname.split('/')
    if (what === 'memory') return Response.json(process.memoryUsage())
    if (what === 'blobs') return system.blobs.respond(request, name, { type: 'application/octet-stream' })
    if (request.method === 'GET') {
      const rows = await system.home.read((db) => db.selectFrom('kept').selectAll().orderBy('name').execute())
      return Response.json(rows)
    }
    const { id, bytes } = await system.blobs.put(request.body as ReadableStream<Uint8Array>, {
      bytesMax: BYTES_MAX,
      signal: request.signal,
    })
    await system.home.write('keep', async (tx) => {
      tx.attach(id, name)
      await tx.query(
        'insert into kept (name, blob) values ($1, $2) on conflict (name) do update set times = kept.times + 1',
        [name, id],
      )
    })
    return Response.json({ id, bytes }, { status: 201 })
  },
})
