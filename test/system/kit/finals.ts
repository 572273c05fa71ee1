import pg from 'pg'
import type { ConnectionOptions } from '../../../src/data/client/types.ts'
import type { Finals } from './checkers/all.ts'

type Row = { id: string; value: never }

/** Reads by plain SQL what all clusters hold together. Rows of one object on two clusters are told apart by failing. */
export async function readFinals(clusters: readonly ConnectionOptions[]): Promise<Finals> {
  const each = await Promise.all(clusters.map(readCluster))
  const merge = <Value>(pick: (one: Finals) => Readonly<Record<string, Value>>): Record<string, Value> => {
    const merged: Record<string, Value> = {}
    for (const [key, value] of each.flatMap((one) => Object.entries(pick(one)))) {
      if (key in merged) throw new Error(`${key} is on two clusters`)
      merged[key] = value
    }
    return merged
  }
  return {
    registers: merge(({ registers }) => registers),
    lists: merge(({ lists }) => lists),
    counters: merge(({ counters }) => counters),
    balances: merge(({ balances }) => balances),
  }
}

async function readCluster(connection: ConnectionOptions): Promise<Finals> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const all = async <Value>(text: string): Promise<Record<string, Value>> =>
      Object.fromEntries((await client.query<Row>(text)).rows.map(({ id, value }) => [id, value as Value]))
    return {
      registers: await all('select id, value from registers'),
      lists: await all(
        'select list_id as id, array_agg(element order by place) as value from elements group by list_id',
      ),
      counters: await all('select id, total as value from counters'),
      balances: await all('select id, balance as value from accounts'),
    }
  } finally {
    await client.end()
  }
}
