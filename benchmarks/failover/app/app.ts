import { tenfold } from 'tenfold'

interface Schema {
  events: { id: string; at: Date }
}

const t = tenfold<Schema>()({ keys: { event: { type: 'text', columns: { events: 'id' } } } })

/** `POST /events/ID` records an event, `GET /events/ID` says whether it is there. */
export default t.app({
  name: 'events',
  migrations: new URL('./migrations/', import.meta.url),
  fetch: (system) => async (request) => {
    const id = new URL(request.url).pathname.split('/')[2] ?? ''
    const shard = system.shard.event(id)
    if (request.method === 'POST') {
      await shard.write('record', (tx) => tx.query('insert into events (id) values ($1)', [id]))
      return new Response(null, { status: 204 })
    }
    const [row] = await shard.read((db) => db.query('select 1 from events where id = $1', [id]))
    return new Response(null, { status: row ? 204 : 404 })
  },
})
