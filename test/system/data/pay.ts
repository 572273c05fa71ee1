import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import type { Side } from '../kit/cut-proxy.ts'
import type { KitClient } from '../kit/databases.ts'
import type { Sql } from '../kit/operations.ts'
import type { Connect, RawWrite } from '../kit/planted/writes.ts'

/** What a payment answers: which of its runs it was that counted. */
export interface Paid {
  readonly run: string
  readonly total: number
}

/** All have as many digits: they are told as text, and all conversations must be as long. */
let runs = 100_000

/** Two effects, a row that names its run and a counter: done once, both say so and the answer agrees. */
async function work(sql: Sql, key: number): Promise<Paid> {
  runs += 1
  const run = `${process.pid}.${runs}`
  await sql.query('insert into elements values ($1, $2, $3)', [key, runs, run])
  const text = `insert into counters values ($1, 1)
    on conflict (id) do update set total = counters.total + 1 returning total`
  const [row] = await sql.query<{ total: number }>(text, [key])
  return { run, total: row!.total }
}

/** A payment by the data client. @throws Error when it is acknowledged without the place that later reads must have reached */
export function pay({ client, asRequest }: KitClient, key: number, requestId: string): Promise<Paid> {
  return asRequest(requestId, async ({ wrote }) => {
    const paid = await client.writeAt(client.target('item', key), 'pay', (tx) => work(tx as Sql, key))
    if (!wrote?.size) throw new Error(`payment ${key}: nobody knows where it is`)
    return paid
  })
}

/** The same payment by a write of our own hand. */
export function payRaw(write: RawWrite, connect: Connect, key: number, id: string): Promise<Paid> {
  return write(connect, id, (client) =>
    work({ query: async (text, params) => (await client.query(text, params as unknown[])).rows }, key),
  )
}

/** One payment that was disturbed, and every answer that came to it. */
export interface Disturbed {
  readonly key: number
  readonly side: Side
  readonly after: number
  readonly answers: readonly Paid[]
}

/**
 * What is wrong with them: each payment must be there once, and every answer must be that of the run that counted.
 * Reads past all proxies.
 */
export async function faults(
  connection: ConnectionOptions,
  payments: readonly Disturbed[],
): Promise<string[]> {
  const client = new pg.Client(connection)
  await client.connect()
  const { rows } = await client.query<{ id: string; total: number; runs: string[] }>(
    `select c.id, c.total, array_agg(e.element) as runs
     from counters c left join elements e on e.list_id = c.id group by c.id, c.total`,
  )
  await client.end()
  const byKey = new Map(rows.map((row) => [Number(row.id), row]))
  return payments.flatMap(({ key, side, after, answers }) => {
    const row = byKey.get(key)
    const wrong: string[] = []
    if (row?.runs.length !== 1) wrong.push(`${row?.runs.length ?? 0} rows`)
    if (row?.total !== 1) wrong.push(`the counter is ${row?.total ?? 0}`)
    for (const { run, total } of answers)
      if (run !== row?.runs[0] || total !== 1) wrong.push(`the answer is of run ${run} with total ${total}`)
    return wrong.length === 0 ? [] : [`cut after byte ${after} of the ${side}: ${wrong.join(', ')}`]
  })
}
