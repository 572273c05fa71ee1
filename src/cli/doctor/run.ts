import type { AppDefinition } from '../../app/types.ts'
import { type Clock, systemClock } from '../../core/clock.ts'
import { isTenfoldError } from '../../core/errors.ts'
import type { ClusterOptions } from '../../data/client/types.ts'
import { withClusters } from '../../supervisor/access.ts'
import { importApp } from '../../supervisor/app-module.ts'
import { withConnection } from '../../supervisor/databases.ts'
import { AppMissing, NoDatabase } from '../../supervisor/errors.ts'
import { type ChosenTarget, chooseTarget, type TargetFlags } from '../target.ts'
import { checkCluster, SETTINGS_SQL } from './cluster.ts'
import { type Finding, fail, warn } from './finding.ts'
import { checkMachine } from './machine.ts'
import { machineFacts } from './machine-facts.ts'
import { checkSchema } from './schema.ts'

/** Looks at everything, in this order: the machine, the application, each cluster. */
export async function examine(named: string | undefined, flags: TargetFlags): Promise<Finding[]> {
  const { target, definition, findings } = await lookForApp(named, flags)
  const machine = checkMachine(machineFacts(target.folder))
  const name = definition?.options.name
  try {
    const clusters = await withClusters({ ...target, app: name }, async (all) => {
      const found: Finding[] = []
      for (const [at, cluster] of all.entries())
        found.push(...(await examineCluster(cluster, at === 0, definition, systemClock)))
      return found
    })
    return [...machine, ...findings, ...clusters]
  } catch (error) {
    if (error instanceof NoDatabase)
      return [...machine, ...findings, warn('database', error.message, error.remedy)]
    if (isTenfoldError(error)) return [...machine, ...findings, fail('database', error.message, error.remedy)]
    throw error
  }
}

/** Without an application the machine and the clusters are still worth a look. */
async function lookForApp(
  named: string | undefined,
  flags: TargetFlags,
): Promise<{ target: ChosenTarget; definition: AppDefinition | undefined; findings: Finding[] }> {
  try {
    const target = chooseTarget(named, flags, 'app')
    return { target, definition: await importApp(target.app!), findings: [] }
  } catch (error) {
    if (!isTenfoldError(error) || error.code === 'TENFOLD_CONFIG_INVALID') throw error
    const isMissing = error instanceof AppMissing && named === undefined
    const finding = (isMissing ? warn : fail)('app', error.message, error.remedy)
    return { target: chooseTarget(undefined, flags, 'no app'), definition: undefined, findings: [finding] }
  }
}

async function examineCluster(
  cluster: ClusterOptions,
  home: boolean,
  definition: AppDefinition | undefined,
  clock: Clock,
): Promise<Finding[]> {
  return withConnection(cluster.connection, async (client) => {
    const sentAt = clock.now()
    const { rows } = await client.query<{
      number: number
      version: string
      clock: number
      settings: Record<string, string>
    }>(SETTINGS_SQL)
    const roundTripMs = clock.now() - sentAt
    const { number, version, clock: theirs, settings } = rows[0]!
    const facts = {
      cluster: cluster.name,
      versionNumber: number,
      version,
      settings,
      clockAheadMs: theirs - (sentAt + roundTripMs / 2),
      roundTripMs,
    }
    const schema = definition === undefined ? [] : await checkSchema(definition, cluster, home, client)
    return [...checkCluster(facts), ...schema]
  })
}
