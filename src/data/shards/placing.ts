import type { KeyType } from '../../core/keys.ts'

/** How an application's tables are placed, as the data tier needs it (no TypeScript schema). */
export interface PlacedTables {
  readonly keys: Readonly<
    Record<string, { readonly type: KeyType; readonly columns: Readonly<Record<string, string | undefined>> }>
  >
  readonly global?: readonly string[] | undefined
}

/** What a table is to the fence. */
export type TableKind =
  | { readonly kind: 'sharded'; readonly space: string; readonly type: KeyType; readonly column: string }
  | { readonly kind: 'global' }
  | { readonly kind: 'home' }

/** What each declared table is; every table not in the map is a home table. */
export function tableKinds(placing: PlacedTables): Map<string, TableKind> {
  const kinds = new Map<string, TableKind>()
  for (const [space, { type, columns }] of Object.entries(placing.keys)) {
    for (const [table, column] of Object.entries(columns)) {
      if (column !== undefined) kinds.set(table, { kind: 'sharded', space, type, column })
    }
  }
  for (const table of placing.global ?? []) kinds.set(table, { kind: 'global' })
  return kinds
}

/** Declarations that contradict themselves: a table in two places, an empty declaration. */
export function placingFindings(placing: PlacedTables): string[] {
  const seen = new Map<string, string>()
  const findings: string[] = []
  const note = (table: string, where: string) => {
    const before = seen.get(table)
    if (before) findings.push(`table ${table} is declared in ${before} and in ${where}`)
    seen.set(table, where)
  }
  for (const [space, { columns }] of Object.entries(placing.keys))
    for (const table of Object.keys(columns)) note(table, `key space ${space}`)
  for (const table of placing.global ?? []) note(table, 'global')
  return findings
}
