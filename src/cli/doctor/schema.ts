import type pg from 'pg'
import type { AppDefinition } from '../../app/types.ts'
import { explain } from '../../core/errors.ts'
import type { ClusterOptions } from '../../data/client/types.ts'
import { type MigrationStatus, migrationStatus } from '../../data/migrations/index.ts'
import { checkCatalog } from '../../data/shards/catalog.ts'
import { tableKinds } from '../../data/shards/placing.ts'
import { type Finding, fail, ok, warn } from './finding.ts'
import { checkHomeTables, type HomeTable, TABLES_SQL } from './home-tables.ts'

/** Compares a cluster with what the application declares: migrations, tables, triggers, home tables. */
export async function checkSchema(
  definition: AppDefinition,
  cluster: ClusterOptions,
  home: boolean,
  client: pg.Client,
): Promise<Finding[]> {
  const { name, connection } = cluster
  const status = await migrationStatus({ dir: definition.options.migrations, connection, cluster: name })
  const migrations = checkMigrations(name, status)
  // Without the migrations the tables cannot be right either.
  if (migrations.some(({ level }) => level !== 'ok')) return migrations
  return [...migrations, ...(await checkTables(definition, cluster, home, client))]
}

export function checkMigrations(cluster: string, status: MigrationStatus): Finding[] {
  const check = `${cluster} migrations`
  const strays = status.strays.map((file) =>
    warn(check, `${file} lies among the migrations and is none`, 'Remove it, or name it NNNN_name.sql.'),
  )
  if (status.problem !== undefined)
    return [fail(check, status.problem.message, status.problem.remedy), ...strays]
  if (status.pending.length > 0)
    return [fail(check, `not applied: ${status.pending.join(', ')}`, '`tenfold migrate`'), ...strays]
  return [ok(check, `${status.applied.length} applied`), ...strays]
}

async function checkTables(
  { placing }: AppDefinition,
  { name }: ClusterOptions,
  home: boolean,
  client: pg.Client,
): Promise<Finding[]> {
  const db = {
    query: async <Row>(sql: string, params: readonly unknown[] = []) =>
      (await client.query(sql, [...params])).rows as Row[],
  }
  const check = `${name} tables`
  try {
    const gaps = await checkCatalog(db, { name, home }, placing)
    const fence =
      gaps.length === 0
        ? ok(check, 'fit the declaration, and each has its fence')
        : fail(
            check,
            `the fence is missing or outdated on ${gaps.map(({ table }) => table).join(', ')}`,
            '`tenfold migrate` raises it again.',
          )
    if (!home) return [fence]
    const kinds = tableKinds(placing)
    const tables = await db.query<HomeTable>(TABLES_SQL)
    return [fence, ...checkHomeTables(tables.filter((table) => !kinds.has(table.name)))]
  } catch (error) {
    return [fail(check, (error as Error).message, (error as { remedy?: string }).remedy ?? explain(error))]
  }
}
