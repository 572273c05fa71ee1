import pg from 'pg'
import type { Queryable } from '../../core/ports.ts'

/** A transaction that the old primary acknowledged and the new one has not. */
export interface LostTransaction {
  /** The id of its commit marker: a function of the request and the write's name. */
  readonly marker: string
  /** When the request began, by its id. ISO 8601, UTC. */
  readonly requestedAt: string
  /** The write's name and shard key. */
  readonly name: string
  readonly key: string
  readonly result: unknown
  /** What it left in the tables, as of the end: rows that it inserted or changed last, by table. */
  readonly rows: Readonly<Record<string, readonly unknown[]>>
}

/** Transactions looked for in the tables at once. */
const BATCH = 1_000

const MARKERS = `select id::text, name, key, result, xmin::text as xmin from tenfold.markers order by id`
const TABLES = `select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema', 'tenfold') order by 1, 2`

interface MarkerRow {
  id: string
  name: string
  key: string
  result: string | null
  xmin: string
}

/**
 * Lists what an old primary has and the new one has not, by commit marker.
 *
 * A transaction of the old one is there if the new one has it as committed. Those numbered from `lostFrom` on had not ended
 * for the new one when it took over, which may have given their numbers away since.
 *
 * @param old a session with the kept folder's database @param current one with the same database of the present primary
 */
export async function lostTransactions(
  old: Queryable,
  current: Queryable,
  lostFrom: bigint,
): Promise<LostTransaction[]> {
  const [now] = await old.query<{ xid: string }>(
    'select pg_snapshot_xmax(pg_current_snapshot())::text as xid',
  )
  const newest = BigInt(now!.xid)
  const markers = await old.query<MarkerRow>(MARKERS)
  const numbered = markers.map((row) => ({ ...row, xid: fullXid(BigInt(row.xmin), newest) }))
  const doubtful = numbered.filter(({ xid }) => xid < lostFrom).map(({ xid }) => `${xid}`)
  const there = new Set<string>()
  for (let at = 0; at < doubtful.length; at += BATCH) {
    const rows = await current.query<{ xid: string }>(
      "select xid::text from unnest($1::text[]::xid8[]) as xid where pg_xact_status(xid) = 'committed'",
      [doubtful.slice(at, at + BATCH)],
    )
    for (const { xid } of rows) there.add(xid)
  }
  const lost = numbered.filter(({ xid }) => xid >= lostFrom || !there.has(`${xid}`))
  const rows = await rowsOf(
    old,
    lost.map(({ xmin }) => xmin),
  )
  return lost.map(({ id, name, key, result, xmin }) => ({
    marker: id,
    requestedAt: new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toISOString(),
    name,
    key,
    result: result === null ? null : (JSON.parse(result) as unknown),
    rows: rows.get(xmin) ?? {},
  }))
}

/** The 64 bits of a transaction's number, of which a row has the lower half: it is not newer than `newest`. */
function fullXid(xmin: bigint, newest: bigint): bigint {
  const epoch = newest >> 32n
  const xid = (epoch << 32n) | xmin
  return xid > newest && epoch > 0n ? xid - (1n << 32n) : xid
}

/** What transactions left in the tables of the application, by transaction and table. */
async function rowsOf(
  old: Queryable,
  transactions: readonly string[],
): Promise<Map<string, Record<string, unknown[]>>> {
  const found = new Map<string, Record<string, unknown[]>>()
  if (transactions.length === 0) return found
  const tables = await old.query<{ schema: string; name: string }>(TABLES)
  for (const { schema, name } of tables) {
    const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
    const rows = await old.query<{ xmin: string; row: unknown }>(
      `select t.xmin::text as xmin, to_jsonb(t) as row from ${table} t where t.xmin::text = any($1)`,
      [transactions],
    )
    const label = schema === 'public' ? name : `${schema}.${name}`
    for (const { xmin, row } of rows) {
      const own = found.get(xmin) ?? {}
      own[label] = [...(own[label] ?? []), row]
      found.set(xmin, own)
    }
  }
  return found
}
