import pg from 'pg'
import type { Runtime } from '../app/runtime.ts'
import type { AppDefinition } from '../app/types.ts'
import type { ClusterOptions } from '../data/client/types.ts'

/** Kept among the records of migrations: a name with a slash belongs to none of the application's folders. */
const RECORD = 'seed/done'

/**
 * Runs the application's `seed` once in the life of its home database. A start that was killed while seeding seeds
 * again, so a seed uses fixed names for its writes. An application that gets its seed later is not seeded any more:
 * its database is no longer empty.
 */
export async function seedOnce(
  definition: AppDefinition,
  runtime: Runtime,
  home: ClusterOptions,
): Promise<'seeded' | 'not needed'> {
  const client = new pg.Client({ ...home.connection, application_name: 'tenfold seed' })
  client.on('error', () => {}) // the query that fails says it
  await client.connect()
  try {
    const { rows } = await client.query('select from tenfold.migrations where name = $1', [RECORD])
    if (rows.length > 0) return 'not needed'
    await definition.options.seed?.(runtime.system)
    await client.query(
      `insert into tenfold.migrations (name, checksum, applied_at, duration_ms) values ($1, '', clock_timestamp(), 0)
       on conflict do nothing`,
      [RECORD],
    )
    return definition.options.seed === undefined ? 'not needed' : 'seeded'
  } finally {
    await client.end()
  }
}
