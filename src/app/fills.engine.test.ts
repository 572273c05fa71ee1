import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startTest } from '../testing/index.ts'
import { tenfold } from './define.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

interface Schema {
  users: { id: string; name: string }
}
const t = tenfold<Schema>()({ keys: { user: { type: 'bigint', columns: { users: 'id' } } } })
const nameOf = t.cacheKey('nameOf', (id: number) => [id])
const definition = t.app({
  name: 'fills',
  migrations: new URL('../testing/fixture/migrations/', import.meta.url),
  fetch: () => () => new Response(),
})
/** The audit would load, too. */
const config = { cacheAudit: false }
/** On two clusters, some are on each. */
const IDS = [1, 2, 3, 4, 5, 6, 7, 8]
const STORM = 500

/** Names in rows of a real PostgreSQL, their cached reads, and how often each was loaded. */
async function names(clusters: 1 | 2) {
  const app = await startTest(definition, { clusters, config })
  const { user } = app.system.shard
  const loads = new Map<number, number>()
  const places = new Set<string>()
  const rename = (id: number, name: string) =>
    user(id).write(`rename to ${name}`, async (tx) => {
      await tx.query('insert into users values ($1, $2) on conflict (id) do update set name = $2', [id, name])
      tx.invalidate(nameOf(id))
    })
  const read = (id: number, afterwards: () => Promise<void> = async () => {}) =>
    user(id).cached(nameOf(id), { ttl: '10m' }, async (db) => {
      loads.set(id, (loads.get(id) ?? 0) + 1)
      const [row] = await db.query<{ name: string; place: string }>(
        'select name, current_database() as place from users where id = $1',
        [id],
      )
      places.add(row!.place)
      await afterwards()
      return row!.name
    })
  return {
    rename,
    read,
    loads,
    places,
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  }
}

for (const clusters of LONG ? ([1, 2] as const) : ([2] as const))
  describe(`fills from PostgreSQL, on ${clusters} cluster(s)`, () => {
    test('FAULTS case 20: a fill that was paused over an invalidation is refused', async () => {
      await using on = await names(clusters)
      for (const id of IDS) {
        await on.rename(id, 'old')
        const [reached, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
        const paused = on.read(id, () => {
          reached.resolve()
          return resumed.promise
        })
        await reached.promise
        await on.rename(id, 'new')
        // Who asks now gets a load of its own: the paused one has read too early.
        assert.equal(await on.read(id), 'new')
        resumed.resolve()
        assert.equal(await paused, 'old', 'it was asked for before the commit')
        for (let turn = 0; turn < 5; turn++) assert.equal(await on.read(id), 'new')
      }
      assert.equal(on.places.size, clusters)
    })

    test('FAULTS case 24: a storm of misses is one load; two when the first began at the very commit', async () => {
      await using on = await names(clusters)
      for (const name of ['first', 'second']) {
        await Promise.all(IDS.map((id) => on.rename(id, name)))
        on.loads.clear()
        const asked = IDS.flatMap((id) => Array.from({ length: STORM }, () => on.read(id)))
        for (const answer of await Promise.all(asked)) assert.equal(answer, name)
        for (const [id, loads] of on.loads) assert.ok(loads <= 2, `${id} was loaded ${loads} times`)
      }
      assert.equal(on.places.size, clusters)
    })
  })
