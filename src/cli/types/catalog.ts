/** A column as the catalog has it. */
export interface CatalogColumn {
  readonly name: string
  /** PostgreSQL's name of the type, or of the elements of an array: `int8`, `text`, `post_kind`. */
  readonly type: string
  /** Array nesting; PostgreSQL does not tell levels apart, so 0 or 1. */
  readonly isArray: boolean
  readonly nullable: boolean
  /** Has a default or is an identity: may be left out of an insert. */
  readonly hasDefault: boolean
  /** Computed by PostgreSQL, or identity ALWAYS: may never be written. */
  readonly always: boolean
  readonly enumValues: readonly string[] | null
}

/** A table or view, its columns in their order. */
export interface CatalogTable {
  readonly schema: string
  readonly name: string
  readonly columns: readonly CatalogColumn[]
}

/** All tables and views of the application; domains are followed to their base. */
export const CATALOG_SQL = `
with recursive base as (
  select oid, oid as type_oid, false as not_null from pg_type where typtype <> 'd'
  union all
  select d.oid, b.type_oid, d.typnotnull or b.not_null from pg_type d join base b on b.oid = d.typbasetype where d.typtype = 'd'
)
select n.nspname as schema, c.relname as name,
  json_agg(json_build_object(
    'name', a.attname,
    'type', coalesce(element.typname, t.typname),
    'isArray', element.oid is not null,
    'nullable', not (a.attnotnull or base.not_null) ,
    'hasDefault', a.atthasdef or a.attidentity <> '',
    'always', a.attgenerated <> '' or a.attidentity = 'a' or c.relkind in ('v', 'm'),
    'enumValues', (select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = coalesce(element.oid, t.oid))
  ) order by a.attnum) as columns
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join base on base.oid = a.atttypid
join pg_type t on t.oid = base.type_oid
left join pg_type element on element.oid = t.typelem and t.typcategory = 'A'
where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition
  and n.nspname not in ('pg_catalog', 'information_schema', 'tenfold') and n.nspname !~ '^pg_'
group by n.nspname, c.relname
order by n.nspname, c.relname`
