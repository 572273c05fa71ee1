import { Cacheable } from 'cacheable'
import { LRUCache } from 'lru-cache'
import { tenfold } from 'tenfold'
import { startTest } from 'tenfold/test'
import { alternate } from '../kit/alternate.ts'
import { describeMachine } from '../kit/machine.ts'
import { readOptions } from '../kit/options.ts'
import { finish, goalRow, interval, type Row } from '../kit/report.ts'
import { estimate } from '../kit/stats.ts'

/** Keys that are read in turn, and reads of one sample. */
const KEYS = 1_000
const READS = 200_000
const TOKEN = 'tenfold-seen'

interface Schema {
  users: { id: string; name: string }
}
const t = tenfold<Schema>()({ keys: { user: { type: 'bigint', columns: { users: 'id' } } } })
const userCard = t.cacheKey('userCard', (id: number) => [id])
const definition = t.app({
  name: 'hits',
  migrations: new URL('./migrations/', import.meta.url),
  fetch: (system) => {
    const read = (id: number) =>
      system.shard.user(id).cached(userCard(id), { ttl: '1h' }, async (db) => {
        const rows = await db.query<Schema['users']>('select id::text, name from users where id = $1', [id])
        return rows[0]
      })
    return async (request) => {
      if (request.method === 'POST') {
        await system.shard.user(1).write('add', (tx) => tx.query('insert into users values (1, $1)', ['one']))
        return new Response()
      }
      // In the request, with what its session has seen.
      return Response.json(await nanoseconds((at) => read(at % KEYS)))
    }
  },
})

/** CPU of this thread for each of {@link READS} awaited reads: what others do to the clock stays out. */
async function nanoseconds(read: (at: number) => unknown): Promise<number> {
  // Everything is there, and compiled.
  for (let at = 0; at < 3 * KEYS; at++) await read(at)
  const before = process.threadCpuUsage()
  for (let at = 0; at < READS; at++) await read(at)
  const { user, system } = process.threadCpuUsage(before)
  return ((user + system) / READS) * 1_000
}

const options = readOptions()
const machine = describeMachine('18')
await using app = await startTest(definition, { config: { cacheAudit: false, doubleRun: false } })
const written = await app.fetch('/', { method: 'POST', headers: { [TOKEN]: '' } })
const token = written.headers.get(TOKEN)
if (!token) throw new Error('The session has no token')

const value = (id: number) => ({ id: String(id), name: `name ${id}` })
const lru = new LRUCache<string, object>({ max: 100_000 })
const cacheable = new Cacheable({ ttl: '1h' })
for (let id = 0; id < KEYS; id++) {
  lru.set(`userCard:${id}`, value(id))
  await cacheable.set(`userCard:${id}`, value(id))
}

const samples = await alternate(
  [
    {
      name: 'tenfold',
      sample: async () => (await (await app.fetch('/', { headers: { [TOKEN]: token } })).json()) as number,
    },
    { name: 'lru-cache', sample: () => nanoseconds((at) => lru.get(`userCard:${at % KEYS}`)) },
    { name: 'cacheable', sample: () => nanoseconds((at) => cacheable.get(`userCard:${at % KEYS}`)) },
  ],
  options.rounds,
)
const of = (name: string): number[] => samples.get(name) ?? []
const row = (figure: string, name: string): Row => ({
  figure,
  value: `${interval(estimate(of(name)), 0)} ns`,
})
const rows: Row[] = [
  goalRow(
    'a hit of `cached` through the handle: shard, key, rules, the token of a session',
    { text: '≤ 1,000 ns', bound: 1_000, better: 'lower' },
    estimate(of('tenfold')),
    ' ns',
    0,
  ),
  row('lru-cache: `get`, and nothing else', 'lru-cache'),
  row('cacheable: `get`, in memory', 'cacheable'),
]
const how = `${options.rounds} alternations of ${READS} awaited reads of ${KEYS} keys; CPU of the thread, the making of the key and the await included`
finish(
  { topic: 'Cached hit', machine, rounds: options.rounds, how, rows, samples: Object.fromEntries(samples) },
  options.save ? import.meta.dirname : undefined,
)
