import pg from 'pg'

/** Object ids of built-in types, from PostgreSQL's pg_type catalog. */
const OID = {
  date: 1082,
  timestamp: 1114,
  interval: 1186,
  timestampArray: 1115,
  dateArray: 1182,
  intervalArray: 1187,
}

/** `text[]`: the parser for arrays whose elements stay text. */
const TEXT_ARRAY = 1009

type Parse = (text: string) => unknown

/**
 * The parser of a column's text form. `bigint` and `numeric` stay strings (a JavaScript number would lose
 * digits), `timestamptz` becomes a Date, `json` is parsed. Types without a time zone stay text, because a Date
 * would silently take the machine's zone.
 */
export function parserOf(oid: number): Parse {
  switch (oid) {
    case OID.date:
    case OID.timestamp:
    case OID.interval:
      return (text) => text
    case OID.dateArray:
    case OID.timestampArray:
    case OID.intervalArray:
      return pg.types.getTypeParser(TEXT_ARRAY as never, 'text') as Parse
    default:
      return pg.types.getTypeParser(oid, 'text') as Parse
  }
}

/** What is needed to make objects of a statement's rows. */
export interface RowShape {
  readonly names: readonly string[]
  readonly parsers: readonly Parse[]
}

export function shapeOf(fields: readonly { name: string; dataTypeID: number }[]): RowShape {
  return { names: fields.map((f) => f.name), parsers: fields.map((f) => parserOf(f.dataTypeID)) }
}

export function decodeRow(shape: RowShape, fields: readonly (string | null)[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  for (let i = 0; i < fields.length; i++) {
    const text = fields[i]
    row[shape.names[i] as string] =
      text === null || text === undefined ? null : (shape.parsers[i] as Parse)(text)
  }
  return row
}
