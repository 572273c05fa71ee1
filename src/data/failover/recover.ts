import pg from 'pg'
import type { Queryable } from '../../core/ports.ts'
import type { LostXids } from './lost.ts'

/** Rows by table. */
export type RowsByTable = Readonly<Record<string, readonly unknown[]>>

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
  readonly rows: RowsByTable
}

export interface Lost {
  readonly transactions: readonly LostTransaction[]
  /**
   * Rows that the new primary has not either, and that carry no listed transaction's number: written under a savepoint, perhaps
   * of a write that was repeated since and has other rows now, or without `write()`.
   */
  readonly otherRows: RowsByTable
}

/** Transactions looked for at once. */
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
 * for the new one when it took over, which may have given their numbers away since. A write whose marker the new one has is
 * not lost, whatever its number: it was applied there once more when its client repeated the request.
 *
 * @param old a session with the kept folder's database @param current one with the same database of the present primary
 */
export async function whatWasLost(old: Queryable, current: Queryable, xids: LostXids): Promise<Lost> {
  const history = new History(old, current, xids)
  const markers = await old.query<MarkerRow>(MARKERS)
  const gone = await history.gone(markers.map(({ xmin }) => xmin))
  const candidates = markers.filter(({ xmin }) => gone.has(xmin))
  const there = await present(
    current,
    candidates.map(({ id }) => id),
  )
  const lost = candidates.filter(({ id }) => !there.has(id))
  // A savepoint's number is higher than its transaction's.
  const rows = Map.groupBy(await history.rowsSince([...gone]), ({ xmin }) => xmin)
  return {
    transactions: lost.map(({ id, name, key, result, xmin }) => ({
      marker: id,
      requestedAt: new Date(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toISOString(),
      name,
      key,
      result: result === null ? null : (JSON.parse(result) as unknown),
      rows: byTable(rows.get(xmin) ?? []),
    })),
    otherRows: await unlessThere(
      current,
      [...rows].flatMap(([xmin, found]) => (gone.has(xmin) ? [] : found)),
    ),
  }
}

interface FoundRow {
  /** The lower half of its transaction's number. */
  readonly xmin: string
  readonly table: string
  /** The same as SQL has it. */
  readonly sqlName: string
  readonly row: unknown
}

/** The transactions of an old primary, as a new one knows them. */
class History {
  readonly #old: Queryable
  readonly #current: Queryable
  readonly #xids: LostXids
  #newest: bigint | undefined

  constructor(old: Queryable, current: Queryable, xids: LostXids) {
    this.#old = old
    this.#current = current
    this.#xids = xids
  }

  /** Which of these numbers of rows (`xmin`) belong to transactions that the new primary has not. */
  async gone(xmins: readonly string[]): Promise<Set<string>> {
    const { lostFrom } = this.#xids
    const newest = await this.#next()
    const numbered = [...new Set(xmins)].map((xmin) => ({ xmin, xid: fullXid(BigInt(xmin), newest) }))
    const doubtful = numbered.filter(({ xid }) => xid < lostFrom).map(({ xid }) => `${xid}`)
    const undone = new Set<string>()
    for (let at = 0; at < doubtful.length; at += BATCH) {
      // Without a status it is long over: its row would not be there if it had not committed before.
      const rows = await this.#current.query<{ xid: string }>(
        "select xid::text from unnest($1::text[]::xid8[]) as xid where pg_xact_status(xid) <> 'committed'",
        [doubtful.slice(at, at + BATCH)],
      )
      for (const { xid } of rows) undone.add(xid)
    }
    return new Set(
      numbered.filter(({ xid }) => xid >= lostFrom || undone.has(`${xid}`)).map(({ xmin }) => xmin),
    )
  }

  /** All rows of the application that are gone, of these transactions (`xmin`) and of later ones. */
  async rowsSince(xmins: readonly string[]): Promise<FoundRow[]> {
    const newest = await this.#next()
    const first = xmins
      .map((xmin) => fullXid(BigInt(xmin), newest))
      .reduce((one, other) => (other < one ? other : one), this.#xids.oldest)
    const found: FoundRow[] = []
    for (const { schema, name } of await this.#old.query<{ schema: string; name: string }>(TABLES)) {
      const table = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`
      const rows = await this.#old.query<{ xmin: string; row: unknown }>(
        `select t.xmin::text as xmin, to_jsonb(t) as row from ${table} t where age(t.xmin) <= $1::bigint`,
        [`${newest - first}`],
      )
      const label = schema === 'public' ? name : `${schema}.${name}`
      found.push(...rows.map((row) => ({ ...row, table: label, sqlName: table })))
    }
    const gone = await this.gone(found.map(({ xmin }) => xmin))
    return found.filter(({ xmin }) => gone.has(xmin))
  }

  /** The number that the next transaction of the old primary would have. */
  async #next(): Promise<bigint> {
    if (this.#newest === undefined) {
      const [now] = await this.#old.query<{ xid: string }>(
        'select pg_snapshot_xmax(pg_current_snapshot())::text as xid',
      )
      this.#newest = BigInt(now!.xid)
    }
    return this.#newest
  }
}

/** By table, without those that the new primary has just so: a write that was repeated has made them again. */
async function unlessThere(current: Queryable, rows: readonly FoundRow[]): Promise<RowsByTable> {
  const left: Record<string, unknown[]> = {}
  for (const [table, found] of Map.groupBy(rows, (row) => row.table)) {
    const { sqlName } = found[0]!
    const [exists] = await current.query<{ is: boolean }>('select to_regclass($1) is not null as is', [
      sqlName,
    ])
    const there = new Set<string>()
    if (exists?.is)
      for (const { at } of await current.query<{ at: string }>(
        `select at::text from unnest($1::jsonb[]) with ordinality as given(row, at)
         where row in (select to_jsonb(t) from ${sqlName} t)`,
        [found.map(({ row }) => JSON.stringify(row))],
      ))
        there.add(at)
    const rest = found.filter((_, at) => !there.has(String(at + 1)))
    if (rest.length > 0) left[table] = rest.map(({ row }) => row)
  }
  return left
}

/** Which of these markers the new primary has. */
async function present(current: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const found = new Set<string>()
  for (let at = 0; at < ids.length; at += BATCH) {
    const rows = await current.query<{ id: string }>(
      'select id::text from tenfold.markers where id = any($1::uuid[])',
      [ids.slice(at, at + BATCH)],
    )
    for (const { id } of rows) found.add(id)
  }
  return found
}

/** The 64 bits of a transaction's number, of which a row has the lower half: it is not newer than `newest`. */
function fullXid(xmin: bigint, newest: bigint): bigint {
  const epoch = newest >> 32n
  const xid = (epoch << 32n) | xmin
  return xid > newest && epoch > 0n ? xid - (1n << 32n) : xid
}

function byTable(rows: readonly FoundRow[]): RowsByTable {
  const tables: Record<string, unknown[]> = {}
  for (const { table, row } of rows) {
    tables[table] ??= []
    tables[table].push(row)
  }
  return tables
}
