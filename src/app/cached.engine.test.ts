import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTest } from '../testing/index.ts'
import { tenfold } from './define.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

interface Schema {
  users: { id: string; name: string }
  notes: { id: string; owner_id: string; text: string }
}
const t = tenfold<Schema>()({
  keys: { user: { type: 'bigint', columns: { users: 'id', notes: 'owner_id' } } },
})
const nameOf = t.cacheKey('nameOf', (id: number) => [id])
const greeting = t.cacheKey('greeting', (id: number) => [id])
const definition = t.app({
  name: 'cached',
  migrations: new URL('../testing/fixture/migrations/', import.meta.url),
  fetch: (system) => async (request) => {
    const id = Number(new URL(request.url).pathname.slice(1))
    const shard = system.shard.user(id)
    if (request.method === 'POST') {
      const { name, forget } = (await request.json()) as { name: string; forget?: boolean }
      await shard.write('name', async (tx) => {
        await tx.query('insert into users values ($1, $2) on conflict (id) do update set name = $2', [
          id,
          name,
        ])
        if (!forget) tx.invalidate(nameOf(id), greeting(id))
      })
      return new Response()
    }
    const name = () =>
      shard.cached(nameOf(id), { ttl: '10m' }, async (db) => {
        const rows = await db.query<{ name: string }>('select name from users where id = $1', [id])
        return rows[0]?.name ?? null
      })
    return Response.json(await shard.cached(greeting(id), {}, async () => ({ hello: await name() })))
  },
})

for (const clusters of LONG ? ([1, 2] as const) : ([2] as const))
  describe(`cached through an app, on ${clusters} cluster(s)`, () => {
    test('a client sees what it wrote at once, also through a cached part, and nothing is older for others', async () => {
      await using app = await startTest(definition, { clusters })
      const [writer, reader] = [app.client(), app.client()]
      for (const id of [1, 2, 3]) {
        assert.deepEqual(await (await reader.fetch(`/${id}`)).json(), { hello: null })
        for (let turn = 0; turn < 10; turn++) {
          assert.equal((await writer.fetch(`/${id}`, { json: { name: `n${turn}` } })).status, 200)
          for (const one of [writer, reader])
            assert.deepEqual(await (await one.fetch(`/${id}`)).json(), { hello: `n${turn}` })
        }
      }
    })

    test('audit: a forgotten invalidation fails the request that would hide it', async () => {
      await using app = await startTest(definition, { clusters })
      const client = app.client()
      await client.fetch('/1', { json: { name: 'old' } })
      const { user } = app.system.shard
      await untilCached(() =>
        user(1).cached(greeting(1), {}, async (db) => {
          await db.query('select 1')
          return { hello: 'old' }
        }),
      )
      await client.fetch('/1', { json: { name: 'new', forget: true } })
      const answer = await client.fetch('/1')
      assert.deepEqual(
        [answer.status, ((await answer.json()) as { code: string }).code],
        [500, 'TENFOLD_CACHE_STALE'],
      )
    })

    test('audit: an invalidation under another shard is named', async () => {
      await using app = await startTest(definition, { clusters })
      const { user } = app.system.shard
      let name = 'old'
      const read = () =>
        user(1).cached(nameOf(1), {}, async (db) => {
          await db.query('select 1')
          return { name }
        })
      await untilCached(read)
      name = 'new'
      await user(2).write('elsewhere', async (tx) => tx.invalidate(nameOf(1)))
      await assert.rejects(read(), { code: 'TENFOLD_CACHE_KEY_ELSEWHERE' })
    })

    test('inside a write it is refused', async () => {
      await using app = await startTest(definition, { clusters })
      const { user } = app.system.shard
      await assert.rejects(
        user(1).write('decides', () => user(1).cached(nameOf(1), {}, async () => 1)),
        { code: 'TENFOLD_CACHED_IN_WRITE' },
      )
    })
  })

test('a time to live goes by the clock of the app; the plain cache, too', async () => {
  await using app = await startTest(definition, { config: { cacheAudit: false } })
  let loads = 0
  const read = () =>
    app.system.shard.user(9).cached(nameOf(9), { ttl: '1h' }, async (db) => {
      await db.query('select 1')
      return { loads: ++loads }
    })
  await untilCached(read)
  const before = await read()
  await app.system.cache.set('a', 1, '1h')
  await app.clock.advance(3_600_000)
  assert.notEqual(await read(), before)
  assert.equal(await app.system.cache.get('a'), undefined)
})

/** Right after a commit nothing is kept; what is kept comes back as the same object. */
async function untilCached(read: () => Promise<object>): Promise<void> {
  for (let last = await read(), next = await read(); last !== next; next = await read()) last = next
}
