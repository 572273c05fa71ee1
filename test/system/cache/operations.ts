/** Versions of a pair: a cached half, both on a cached page, or a write that raises both. */
export type Op =
  | { readonly type: 'get'; readonly id: string; readonly part: 'a' | 'b' | 'page'; readonly slow?: true }
  | { readonly type: 'bump'; readonly id: string }

/** Every version that the operation showed. */
export type Answer = readonly number[]

interface Sql {
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>
}

/** What the operations need; the kit's app fills it with the system, planted bugs with something worse. */
export interface PairStore {
  cached<R>(id: string, part: 'a' | 'b' | 'page', work: (sql: Sql) => Promise<R>): Promise<R>
  write<R>(id: string, name: string, work: (sql: Sql) => Promise<R>): Promise<R>
}

/** Milliseconds for which some loads go on after they have read: time for a commit to overtake them. */
const SLOW_MS = 15

/** Does what an operation asks for. `at` is its place in the request. */
export async function perform(store: PairStore, op: Op, at: number): Promise<Answer> {
  if (op.type === 'bump')
    return [
      await store.write(op.id, `bump ${at}`, async (sql) => {
        const [row] = await sql.query<{ a: number }>(BUMP, [op.id])
        return row!.a
      }),
    ]
  const { id, part, slow = false } = op
  if (part !== 'page') return [await half(store, id, part, slow)]
  return store.cached(id, 'page', async (sql) => {
    // One half as it is cached, the other as it is now.
    const a = await half(store, id, 'a', slow)
    return [a, await read(sql, id, 'b', false)]
  })
}

const BUMP = `insert into pairs values ($1, 1, 1)
  on conflict (id) do update set a = pairs.a + 1, b = pairs.b + 1 returning a`

const half = (store: PairStore, id: string, part: 'a' | 'b', slow: boolean): Promise<number> =>
  store.cached(id, part, (sql) => read(sql, id, part, slow))

async function read(sql: Sql, id: string, part: 'a' | 'b', slow: boolean): Promise<number> {
  const [row] = await sql.query<{ version: number }>(`select ${part} as version from pairs where id = $1`, [
    id,
  ])
  if (slow) await sql.query('select pg_sleep($1)', [SLOW_MS / 1000])
  return row?.version ?? 0
}
