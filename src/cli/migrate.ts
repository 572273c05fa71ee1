import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { migrationFile } from '../data/migrations/index.ts'
import { prepareData } from '../data/prepare.ts'
import { withClusters } from '../supervisor/access.ts'
import { findApp, importApp } from '../supervisor/app-module.ts'
import { inspectExternal } from '../supervisor/external.ts'
import { say } from './output.ts'
import { progressLog } from './progress-log.ts'
import { chooseTarget, type TargetFlags } from './target.ts'

/** Applies what is pending; resolves with the names by cluster. */
export async function applyMigrations(
  named: string | undefined,
  flags: TargetFlags,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const target = chooseTarget(named, flags, 'app')
  const definition = await importApp(target.app!)
  return withClusters(
    { ...target, app: definition.options.name, create: target.clusters ?? 1, writes: true },
    async (clusters) => {
      if (target.databases.length > 0) await inspectExternal(clusters)
      const { applied } = await prepareData({
        clusters,
        placing: definition.placing,
        migrations: definition.options.migrations,
        log: progressLog(say, systemClock),
      })
      return applied
    },
  )
}

/**
 * The path of a new migration. The application is asked for its folder; one that cannot be imported at the moment,
 * often because the migration is what it lacks, has the usual one beside it.
 */
export async function newMigration(name: string, named: string | undefined): Promise<string> {
  const app = findApp(named, process.cwd())
  const usual = join(dirname(app), 'migrations')
  const folder = await importApp(app).then(
    ({ options }) => options.migrations,
    (error: unknown) => {
      if (existsSync(usual) && readdirSync(usual).some((file) => file.endsWith('.sql'))) return usual
      throw error
    },
  )
  return migrationFile.new(folder, name)
}
