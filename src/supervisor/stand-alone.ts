import { join } from 'node:path'
import { awaited } from '../data/failover/awaited.ts'
import { nodePlaces } from '../data/failover/places.ts'
import { readClusterRecord, writeClusterRecord } from '../data/failover/record.ts'
import type { PostgresOptions, PostgresServer } from '../data/postgres/types.ts'
import { renderReplication } from '../data/replication/settings.ts'
import { StageRefused } from './errors.ts'
import type { StateFolder } from './state-folder.ts'

/** The records of a folder's clusters that have, or had, replicas; by name. */
export const recordFile = (folder: StateFolder, cluster: string): string =>
  join(folder.clusters, `${cluster}.json`)

/** The data folder of a cluster's first node; those of the others lie beside it. */
export const firstDataDir = (folder: StateFolder, cluster: string): string =>
  cluster === 'c0' ? folder.pg : join(folder.pg, '..', cluster)

/** Where the nodes of a cluster have their data, sockets and logs; see `nodePlaces`. */
export const clusterPlaces = (folder: StateFolder, cluster: string) => ({
  name: cluster,
  dataDir: firstDataDir(folder, cluster),
  runDir: cluster === 'c0' ? folder.run : join(folder.run, cluster),
  logDir: folder.logs,
})

/** Where a cluster's primary lies: the node that its record names, else the only one. */
export function primaryPlaces(folder: StateFolder, cluster: string) {
  const record = readClusterRecord(recordFile(folder, cluster))
  const id = record?.primary ?? `${cluster}-pg-1`
  const { logFile, ...rest } = nodePlaces(clusterPlaces(folder, cluster), id)
  // Without a record nothing but stage `single` has written there.
  return {
    id,
    record,
    ...rest,
    logFile: record === undefined && cluster === 'c0' ? folder.postgresLog : logFile,
  }
}

/**
 * What starts a cluster's primary without its replicas, at stage `single` or for a command. It still waits for those that its
 * record names: as long as they are not there it acknowledges nothing, and all that the record says stays true.
 *
 * @throws StageRefused when it is not certain who the primary is
 */
export function standAlone(
  folder: StateFolder,
): Pick<PostgresOptions, 'dataDir' | 'runDir' | 'logFile' | 'replication'> & { readonly id: string } {
  const { id, record, dataDir, runDir, logFile } = primaryPlaces(folder, 'c0')
  if (record === undefined) return { id, dataDir, runDir, logFile }
  if (readClusterRecord(recordFile(folder, 'c1')) !== undefined)
    throw new StageRefused(
      `${folder.path} holds several clusters with servers of their own; stage \`single\` has one server.`,
      'Start it with `--stage split` or a later one, and with its number of `--clusters`.',
    )
  if (record.promoting !== undefined)
    throw new StageRefused(
      `${folder.path} was stopped while ${record.promoting.id} was being promoted: which node is the primary is not certain.`,
      'Start it once with `--stage replicated`, which decides that; then stop it in order.',
    )
  return {
    ...{ id, dataDir, runDir, logFile },
    replication: { standby: false, conf: renderReplication({ id, synchronous: awaited(record, id) }) },
  }
}

/**
 * Lets a primary that runs acknowledge without its replicas, also one that was adopted. From now on it alone has everything;
 * the record says so before. Not before it runs: if it cannot be started, one of the replicas has everything.
 *
 * With `copyAnew` the replicas are copied when they are wanted again. Stage `single` may last for years, and its folder may
 * have been put back from a backup meanwhile: what a replica has may be of another history under the same numbers. After a
 * command they go on where they were.
 */
export function goAlone(
  folder: StateFolder,
  server: PostgresServer,
  { copyAnew }: { readonly copyAnew: boolean },
): void {
  const file = recordFile(folder, 'c0')
  const record = readClusterRecord(file)
  if (record === undefined) return
  const { primary: id, nodes } = record
  const building = copyAnew ? nodes.filter((other) => other !== id) : record.building
  writeClusterRecord(file, { ...record, synchronous: [], named: [], building })
  server.reload(renderReplication({ id, synchronous: [] }))
}
