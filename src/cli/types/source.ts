import type { CatalogColumn, CatalogTable } from './catalog.ts'

/** What the data client makes of a column: see data/connection/decode.ts. */
const TYPES: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int2: 'number',
  int4: 'number',
  oid: 'number',
  float4: 'number',
  float8: 'number',
  timestamptz: 'Date',
  json: 'Json',
  jsonb: 'Json',
  bytea: 'Buffer',
}

/** Types that one writes in another form than they are read, and that form. */
const WRITTEN: Readonly<Record<string, string>> = {
  int8: 'string | number | bigint',
  numeric: 'string | number',
  timestamptz: 'Date | string',
  date: 'Date | string',
  timestamp: 'Date | string',
  json: 'string',
  jsonb: 'string',
}

const HEADER = '// Written by `tenfold types` from the database; do not edit.'
const JSON_TYPE =
  'export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }'

/** The source of the interface `Schema` for `tenfold<Schema>()`. The same catalog gives the same text. */
export function schemaSource(tables: readonly CatalogTable[]): string {
  const names = uniqueNames(tables)
  const interfaces = tables.map((table) => {
    const columns = table.columns.map((column) => `  ${key(column.name)}: ${columnType(column)}`)
    return `export interface ${names.get(table)} {\n${columns.join('\n')}\n}`
  })
  const schema = tables.map((table) => `  ${key(qualified(table))}: ${names.get(table)}`)
  const body = [...interfaces, `export interface Schema {\n${schema.join('\n')}\n}`]
  const used = (name: string): boolean =>
    body.some((text) => new RegExp(`\\b${name}\\b`).test(text.replace(/'(?:\\.|[^'\\])*'/g, '')))
  const imports = ['ColumnType', 'Generated', 'GeneratedAlways'].filter((name) => used(name))
  return [
    HEADER,
    ...(imports.length > 0 ? [`import type { ${imports.join(', ')} } from 'kysely'`] : []),
    ...(used('Json') ? [JSON_TYPE] : []),
    ...body,
  ]
    .join('\n\n')
    .concat('\n')
}

function columnType(column: CatalogColumn): string {
  const read = valueType(column)
  if (column.always) return `GeneratedAlways<${read}>`
  const written = writtenType(column)
  if (written !== undefined)
    return `ColumnType<${read}, ${written}${column.hasDefault || column.nullable ? ' | undefined' : ''}, ${written}>`
  return column.hasDefault ? `Generated<${read}>` : read
}

function valueType(column: CatalogColumn): string {
  const one = elementType(column)
  const all = column.isArray ? `${one.includes(' ') ? `(${one})` : one}[]` : one
  return column.nullable ? `${all} | null` : all
}

/** Undefined when it is written as it is read. */
function writtenType(column: CatalogColumn): string | undefined {
  const one = column.enumValues === null ? WRITTEN[column.type] : undefined
  if (one === undefined || column.isArray) return undefined
  return column.nullable ? `${one} | null` : one
}

function elementType({ type, enumValues }: CatalogColumn): string {
  if (enumValues !== null) return enumValues.map((value) => quote(value)).join(' | ')
  // bigint and numeric would lose digits as numbers; types without a time zone are no moment in time.
  return TYPES[type] ?? 'string'
}

const qualified = ({ schema, name }: CatalogTable): string =>
  schema === 'public' ? name : `${schema}.${name}`

const key = (name: string): string => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : quote(name))

const quote = (text: string): string =>
  `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, '\\n')}'`

const RESERVED = new Set(['Schema', 'Json', 'ColumnType', 'Generated', 'GeneratedAlways', 'Date', 'Buffer'])

/** `feed_entries` → `FeedEntries`; what collides or is no name gets a number or an underscore. */
function uniqueNames(tables: readonly CatalogTable[]): Map<CatalogTable, string> {
  const taken = new Set(RESERVED)
  return new Map(
    tables.map((table) => {
      const words = qualified(table)
        .split(/[^A-Za-z0-9]+/)
        .filter((word) => word !== '')
      const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')
      const base = /^[A-Za-z]/.test(joined) ? joined : `Table${joined}`
      let name = base
      for (let number = 2; taken.has(name); number++) name = `${base}${number}`
      taken.add(name)
      return [table, name]
    }),
  )
}
