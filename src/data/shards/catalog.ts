import { createHash } from 'node:crypto'
import type { Queryable } from '../../core/ports.ts'
import { CatalogMismatch } from '../errors.ts'
import { type PlacedTables, placingFindings, type TableKind, tableKinds } from './placing.ts'
import { type FenceTrigger, fenceTriggers } from './triggers.ts'

interface TableRow {
  name: string
  quoted: string
  /** Column name → type, as PostgreSQL names it; nondeterministic collations are marked. */
  columns: Record<string, string>
  /** Trigger name → the fingerprint in its comment. */
  triggers: Record<string, string | null>
}

const CATALOG_SQL = `
  select c.relname as name, c.oid::regclass::text as quoted,
    (select json_object_agg(a.attname, format_type(a.atttypid, null) || case when not coalesce(l.collisdeterministic, true) then ' (nondeterministic)' else '' end)
       from pg_attribute a left join pg_collation l on l.oid = a.attcollation
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns,
    coalesce((select json_object_agg(t.tgname, obj_description(t.oid, 'pg_trigger')) from pg_trigger t
      where t.tgrelid = c.oid and t.tgname like 'tenfold_fence_%'), '{}') as triggers
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p') and not c.relispartition and n.nspname = any (current_schemas(false)) and n.nspname <> 'tenfold'
  order by c.relname`

/** A table whose triggers are not those that the declaration asks for. */
export interface FenceGap {
  readonly table: string
  readonly drop: readonly string[]
  readonly create: readonly FenceTrigger[]
}

/**
 * Compares the declared placing with the tables of one cluster. Any mismatch of types ends here; missing or
 * outdated fence triggers are returned.
 *
 * @throws CatalogMismatch
 */
export async function checkCatalog(
  db: Queryable,
  cluster: { name: string; home: boolean },
  placing: PlacedTables,
): Promise<FenceGap[]> {
  const tables = await db.query<TableRow>(CATALOG_SQL)
  const kinds = tableKinds(placing)
  const findings = [...placingFindings(placing), ...mismatches(tables, kinds)]
  if (findings.length > 0) throw new CatalogMismatch(cluster.name, findings)
  const gaps: FenceGap[] = []
  for (const table of tables) {
    const wanted = fenceTriggers(table.quoted, kinds.get(table.name) ?? { kind: 'home' }, cluster.home)
    const current = (t: FenceTrigger) => table.triggers[t.name] === fingerprint(t)
    const create = wanted.filter((t) => !current(t))
    const drop = Object.keys(table.triggers).filter(
      (name) => !wanted.some((t) => t.name === name && current(t)),
    )
    if (create.length + drop.length > 0) gaps.push({ table: table.quoted, drop, create })
  }
  return gaps
}

/** The statements that close a gap. Each table's run in one transaction with a short lock timeout. */
export function gapStatements({ table, drop, create }: FenceGap): string[] {
  return [
    ...drop.map((name) => `drop trigger ${name} on ${table}`),
    ...create.flatMap((t) => [t.sql, `comment on trigger ${t.name} on ${table} is '${fingerprint(t)}'`]),
  ]
}

function mismatches(tables: readonly TableRow[], kinds: ReadonlyMap<string, TableKind>): string[] {
  const byName = new Map(tables.map((table) => [table.name, table]))
  const findings: string[] = []
  for (const [name, kind] of kinds) {
    const table = byName.get(name)
    if (!table) {
      findings.push(`table ${name} is declared, but no migration creates it`)
    } else if (kind.kind === 'sharded') {
      const type = table.columns[kind.column]
      if (type === undefined)
        findings.push(`column ${name}.${kind.column} holds the ${kind.space} key, but does not exist`)
      else if (type !== kind.type)
        findings.push(`column ${name}.${kind.column} is ${type}, but key space ${kind.space} is ${kind.type}`)
    }
  }
  return findings
}

function fingerprint(trigger: FenceTrigger): string {
  return createHash('sha256').update(trigger.sql).digest('hex').slice(0, 16)
}
