import type { Call, Results } from './history.ts'

/** Runs SQL in a transaction or a read. */
export interface Sql {
  query<Row>(text: string, params?: readonly unknown[]): Promise<Row[]>
}

type Work<R> = (sql: Sql) => Promise<R>

/** What the operations need. The kit's app fills it with the system; planted bugs fill it with something worse. */
export interface Store {
  read<R>(key: string, work: Work<R>): Promise<R>
  write<R>(key: string, name: string, work: Work<R>): Promise<R>
  /** One snapshot for all statements. */
  readHome<R>(work: Work<R>): Promise<R>
  writeHome<R>(name: string, work: Work<R>): Promise<R>
}

/** Whether a call is a write, which changes something or looks before it would: sent by POST with an Idempotency-Key. */
export const changes = ({ type }: Call): boolean => !['read', 'list', 'count', 'balances'].includes(type)

/** Does what a call asks for. */
export function perform(store: Store, call: Call): Promise<Results[Call['type']]> {
  switch (call.type) {
    case 'read':
      return store.read(call.key, async (sql) => ({ value: (await readRegister(sql, call.key)) ?? null }))
    case 'look':
      return store.write(call.key, 'look', async (sql) => ({
        value: (await readRegister(sql, call.key)) ?? null,
      }))
    case 'write':
      return store.write(call.key, 'write', (sql) => put(sql, call.key, call.value))
    case 'cas':
      return store.write(call.key, 'cas', (sql) => swap(sql, call.key, call.from, call.to))
    case 'append':
      return store.write(call.key, 'append', (sql) => append(sql, call.key, call.element))
    case 'list':
      return store.read(call.key, (sql) => list(sql, call.key))
    case 'increment':
      return increment(store, call.keys, call.by)
    case 'count':
      return store.read(call.key, (sql) => count(sql, call.key))
    case 'transfer':
      return store.writeHome('transfer', (sql) => transfer(sql, call))
    case 'balances':
      return store.readHome(balances)
  }
}

async function readRegister(sql: Sql, key: string): Promise<number | undefined> {
  const [row] = await sql.query<{ value: number }>('select value from registers where id = $1', [key])
  return row?.value
}

async function put(sql: Sql, key: string, value: number): Promise<Results['write']> {
  const text = 'insert into registers values ($1, $2) on conflict (id) do update set value = excluded.value'
  await sql.query(text, [key, value])
  return { value }
}

async function swap(sql: Sql, key: string, from: number | null, to: number): Promise<Results['cas']> {
  const rows =
    from === null
      ? await sql.query('insert into registers values ($1, $2) on conflict (id) do nothing returning id', [
          key,
          to,
        ])
      : await sql.query('update registers set value = $2 where id = $1 and value = $3 returning id', [
          key,
          to,
          from,
        ])
  return { swapped: rows.length === 1 }
}

/** The update of the list's row puts appends in order. */
async function append(sql: Sql, key: string, element: string): Promise<Results['append']> {
  const text = `insert into lists values ($1, 1)
    on conflict (id) do update set length = lists.length + 1 returning length`
  const [row] = await sql.query<{ length: number }>(text, [key])
  await sql.query('insert into elements values ($1, $2, $3)', [key, row!.length, element])
  return { length: row!.length }
}

async function list(sql: Sql, key: string): Promise<Results['list']> {
  const text = 'select element from elements where list_id = $1 order by place'
  const rows = await sql.query<{ element: string }>(text, [key])
  return { elements: rows.map(({ element }) => element) }
}

/** One write for each counter: a request that is sent again goes on where it was. */
async function increment(store: Store, keys: readonly string[], by: number): Promise<Results['increment']> {
  const totals: number[] = []
  for (const key of keys)
    totals.push((await store.write(key, `increment ${key}`, (sql) => add(sql, key, by))).total)
  return { totals }
}

async function add(sql: Sql, key: string, by: number): Promise<{ total: number }> {
  const text = `insert into counters values ($1, $2)
    on conflict (id) do update set total = counters.total + excluded.total returning total`
  const [row] = await sql.query<{ total: number }>(text, [key, by])
  return { total: row!.total }
}

async function count(sql: Sql, key: string): Promise<Results['count']> {
  const [row] = await sql.query<{ total: number }>('select total from counters where id = $1', [key])
  return { total: row?.total ?? 0 }
}

async function transfer(
  sql: Sql,
  { from, to, amount }: { from: string; to: string; amount: number },
): Promise<Results['transfer']> {
  const text = 'select id, balance from accounts where id in ($1, $2) order by id for update'
  const rows = await sql.query<{ id: string; balance: number }>(text, [from, to])
  if (rows.find(({ id }) => id === from)!.balance < amount) return { moved: false }
  await sql.query('update accounts set balance = balance - $2 where id = $1', [from, amount])
  await sql.query('update accounts set balance = balance + $2 where id = $1', [to, amount])
  return { moved: true }
}

/** Two statements on purpose: only one snapshot makes them one answer. */
async function balances(sql: Sql): Promise<Results['balances']> {
  const accounts = await sql.query<{ id: string }>('select id from accounts order by id')
  const found: Record<string, number> = {}
  for (const { id } of accounts) {
    const [row] = await sql.query<{ balance: number }>('select balance from accounts where id = $1', [id])
    found[id] = row!.balance
  }
  return { balances: found }
}

/** The accounts that every system of the kit begins with. */
export const ACCOUNTS: Readonly<Record<string, number>> = { anna: 100, ben: 100, cleo: 100, dora: 100 }

/** Opens the accounts; nothing when they are open. */
export async function openAccounts(sql: Sql): Promise<void> {
  for (const [id, balance] of Object.entries(ACCOUNTS))
    await sql.query('insert into accounts values ($1, $2) on conflict (id) do nothing', [id, balance])
}
