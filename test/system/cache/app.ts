import { tenfold } from 'tenfold'
import { type Answer, type Op, type PairStore, perform } from './operations.ts'

interface Schema {
  pairs: { id: string; a: number; b: number }
}

const t = tenfold<Schema>()({ keys: { pair: { type: 'bigint', columns: { pairs: 'id' } } } })

const keys = {
  a: t.cacheKey('a', (id: string) => [id]),
  b: t.cacheKey('b', (id: string) => [id]),
  page: t.cacheKey('page', (id: string) => [id]),
}

export default t.app({
  name: 'pairs',
  migrations: new URL('./migrations/', import.meta.url),
  fetch: (system) => {
    const store: PairStore = {
      cached: (id, part, work) => system.shard.pair(id).cached(keys[part](id), { ttl: '30s' }, work) as never,
      write: (id, name, work) =>
        system.shard.pair(id).write(name, (tx) => {
          tx.invalidate(keys.a(id), keys.b(id), keys.page(id))
          return work(tx)
        }) as never,
    }
    return async (request) => {
      const ops = (
        request.method === 'POST'
          ? await request.json()
          : JSON.parse(new URL(request.url).searchParams.get('ops')!)
      ) as Op[]
      const answers: Answer[] = []
      for (const [at, op] of ops.entries()) answers.push(await perform(store, op, at))
      return Response.json(answers)
    }
  },
})
