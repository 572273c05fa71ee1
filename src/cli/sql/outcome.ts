import { table } from '../output.ts'

/** What a statement gave. */
export interface Outcome {
  readonly command: string | null
  readonly rowCount: number | null
  readonly fields: readonly { readonly name: string }[]
  readonly rows: readonly (readonly unknown[])[]
}

const CELL_MAX = 200

/** Rows as a table, or one JSON object a line; a statement without rows as its command tag. */
export function outcomeText({ command, rowCount, fields, rows }: Outcome, json: boolean): string {
  if (json) {
    if (fields.length === 0) return JSON.stringify({ command, rowCount })
    const objects = rows.map((row) =>
      JSON.stringify(Object.fromEntries(fields.map(({ name }, at) => [name, row[at]]))),
    )
    return objects.join('\n')
  }
  if (fields.length === 0) return `${command ?? 'done'}${rowCount === null ? '' : ` ${rowCount}`}`
  const head = fields.map(({ name }) => name)
  const body = rows.map((row) => row.map(cell))
  const text = table([
    head,
    head.map((name, at) => '-'.repeat(Math.max(name.length, ...body.map((r) => r[at]?.length ?? 0)))),
    ...body,
  ])
  return `${text}\n(${rows.length} ${rows.length === 1 ? 'row' : 'rows'})`
}

function cell(value: unknown): string {
  if (value === null || value === undefined) return ''
  const text =
    value instanceof Date
      ? value.toISOString()
      : Buffer.isBuffer(value)
        ? `\\x${value.toString('hex')}`
        : typeof value === 'object'
          ? JSON.stringify(value)
          : String(value)
  const line = text.replaceAll(/\p{Cc}/gu, '·')
  return line.length > CELL_MAX ? `${line.slice(0, CELL_MAX - 1)}…` : line
}
