import { withClusters } from '../../supervisor/access.ts'
import { withConnection } from '../../supervisor/databases.ts'
import { appNameOf, chooseTarget, type TargetFlags } from '../target.ts'
import { CATALOG_SQL, type CatalogTable } from './catalog.ts'
import { schemaSource } from './source.ts'

/** Reads the home cluster's catalog: it has all tables. */
export async function generateTypes(named: string | undefined, flags: TargetFlags): Promise<string> {
  const target = chooseTarget(named, flags, 'no app')
  const app = await appNameOf(target)
  return withClusters({ ...target, app }, ([home]) =>
    withConnection(home!.connection, async (client) => {
      const { rows } = await client.query<CatalogTable>(CATALOG_SQL)
      return schemaSource(rows)
    }),
  )
}
