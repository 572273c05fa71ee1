import { tenfold } from 'tenfold'
import type { Call } from './history.ts'
import { changes, openAccounts, perform, type Store } from './operations.ts'

interface Schema {
  registers: { id: string; value: number }
  counters: { id: string; total: number }
  lists: { id: string; length: number }
  elements: { list_id: string; place: number; element: string }
  accounts: { id: string; balance: number }
}

const t = tenfold<Schema>()({
  keys: {
    item: {
      type: 'bigint',
      columns: { registers: 'id', counters: 'id', lists: 'id', elements: 'list_id' },
    },
  },
})

/**
 * The kit's own app: objects whose histories can be judged. `POST /op` takes a call that changes something,
 * `GET /op?call=…` one that does not.
 */
export default t.app({
  name: 'kit',
  migrations: new URL('./migrations/', import.meta.url),
  seed: async (system) => {
    await system.home.write('open accounts', (tx) => openAccounts(tx))
  },
  fetch: (system) => {
    const store: Store = {
      read: (key, work) => system.shard.item(key).read(work),
      write: (key, name, work) => system.shard.item(key).write(name, work) as ReturnType<typeof work>,
      readHome: (work) => system.home.read(work, { snapshot: true }),
      writeHome: (name, work) => system.home.write(name, work) as ReturnType<typeof work>,
    }
    return async (request) => {
      const url = new URL(request.url)
      if (url.pathname !== '/op') return new Response('not found\n', { status: 404 })
      const posted = request.method === 'POST'
      const call = (posted ? await request.json() : JSON.parse(url.searchParams.get('call') ?? '')) as Call
      if (changes(call) !== posted) return new Response('wrong method\n', { status: 405 })
      return Response.json(await perform(store, call))
    }
  },
})
