import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CatalogColumn } from './catalog.ts'
import { schemaSource } from './source.ts'

const column = (name: string, type: string, more: Partial<CatalogColumn> = {}): CatalogColumn => ({
  name,
  type,
  isArray: false,
  nullable: false,
  hasDefault: false,
  always: false,
  enumValues: null,
  ...more,
})

test('types follow what the data client reads and takes', () => {
  const source = schemaSource([
    {
      schema: 'public',
      name: 'feed_entries',
      columns: [
        column('id', 'int8'),
        column('at', 'timestamptz', { hasDefault: true }),
        column('tags', 'text', { isArray: true }),
        column('kind', 'kind', { enumValues: ['a', "b'c"], nullable: true }),
        column('kinds', 'kind', { enumValues: ['a', 'b'], isArray: true }),
        column('data', 'jsonb', { nullable: true }),
        column('total', 'int4', { always: true, hasDefault: true }),
        column('count', 'int4', { hasDefault: true }),
        column('odd name', 'bool'),
      ],
    },
    { schema: 'audit', name: 'feed-entries', columns: [column('x', 'bytea')] },
  ])
  assert.equal(
    source,
    `// Written by \`tenfold types\` from the database; do not edit.

import type { ColumnType, Generated, GeneratedAlways } from 'kysely'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

export interface FeedEntries {
  id: ColumnType<string, string | number | bigint, string | number | bigint>
  at: ColumnType<Date, Date | string | undefined, Date | string>
  tags: string[]
  kind: 'a' | 'b\\'c' | null
  kinds: ('a' | 'b')[]
  data: ColumnType<Json | null, string | null | undefined, string | null>
  total: GeneratedAlways<number>
  count: Generated<number>
  'odd name': boolean
}

export interface AuditFeedEntries {
  x: Buffer
}

export interface Schema {
  feed_entries: FeedEntries
  'audit.feed-entries': AuditFeedEntries
}
`,
  )
})

test('names never collide', () => {
  const table = (name: string) => ({ schema: 'public', name, columns: [column('id', 'int4')] })
  const source = schemaSource([table('schema'), table('a_b'), table('a-b'), table('1st')])
  assert.deepEqual(
    [...source.matchAll(/export interface (\w+)/g)].map(([, name]) => name),
    ['Schema2', 'AB', 'AB2', 'Table1st', 'Schema'],
  )
})
