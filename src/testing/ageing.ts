import type { ClusterOptions } from '../data/client/types.ts'
import type { RawConnections } from './sql.ts'

/**
 * Times that Tenfold compares with PostgreSQL's own clock, so that nodes whose clocks differ agree. That clock
 * cannot be put forward; putting these back by the same amount has the same effect.
 */
const TIMES: readonly (readonly [table: string, columns: readonly string[]])[] = [
  ['tenfold.limits', ['tat']],
  ['tenfold.requests', ['created_at', 'keep_until']],
  ['tenfold.markers', ['created_at', 'keep_until']],
  // Not leases: workers live in real time.
  ['tenfold.jobs', ['created_at', 'due', 'run_at']],
  ['tenfold.ready', ['due', 'since']],
  ['tenfold.crons', ['next_at']],
]

/** Makes what the databases hold older by `ms`. */
export async function age(
  raw: RawConnections,
  clusters: readonly ClusterOptions[],
  ms: number,
): Promise<void> {
  for (const { name } of clusters)
    for (const [table, columns] of TIMES) {
      const changes = columns.map((column) => `${column} = ${column} - $1::float8 * interval '1 millisecond'`)
      await raw.sql(name).query(`update ${table} set ${changes.join(', ')}`, [ms])
    }
}
