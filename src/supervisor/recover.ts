import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { isTenfoldError } from '../core/errors.ts'
import { silentLogger } from '../core/log.ts'
import type { Queryable } from '../core/ports.ts'
import type { ClusterOptions, ConnectionOptions } from '../data/client/types.ts'
import { lostFolders, lostXidsOf } from '../data/failover/lost.ts'
import { type Lost, whatWasLost } from '../data/failover/recover.ts'
import { removeNode } from '../data/failover/removal.ts'
import { connectionTo } from '../data/postgres/address.ts'
import { createPostgres } from '../data/postgres/server.ts'
import { renderReplication } from '../data/replication/settings.ts'
import { type Target, withClusters } from './access.ts'
import { withConnection } from './databases.ts'
import { firstDataDir } from './stand-alone.ts'
import { stateFolder } from './state-folder.ts'

/** What one kept data folder has that the present primary has not. */
export interface Recovered extends Lost {
  readonly cluster: string
  /** The data folder of the old primary. */
  readonly folder: string
  /** Why nothing can be said of it, and what to do. */
  readonly trouble?: Trouble
}

export interface Trouble {
  /** The folder is not there; else it could not be read. */
  readonly isMissing: boolean
  readonly text: string
}

/**
 * Looks through the data folders that were kept after failovers that may have lost something, each in a server of its own
 * that is started for it.
 */
export function recover(target: Target, say: (line: string) => void): Promise<Recovered[]> {
  return withClusters(target, async (clusters) => {
    const found: Recovered[] = []
    for (const cluster of clusters)
      for (const folder of lostFolders(firstDataDir(stateFolder(target.folder), cluster.name))) {
        if (existsSync(folder)) say(`reading ${folder}`)
        found.push({ cluster: cluster.name, folder, ...(await lookInto(folder, cluster, target)) })
      }
    return found
  })
}

/** Removes kept folders, but for those that could not be read; what is in them is gone for good. @returns which */
export async function discard(recovered: readonly Recovered[]): Promise<string[]> {
  const removed: string[] = []
  for (const { folder, trouble } of recovered) {
    // Nor one that is there now, unread.
    if (trouble && (!trouble.isMissing || existsSync(folder))) continue
    await removeNode(folder)
    removed.push(folder)
  }
  return removed
}

const NOTHING: Lost = { transactions: [], otherRows: {} }

/** One folder that cannot be read says nothing of the others. */
async function lookInto(
  folder: string,
  cluster: ClusterOptions,
  target: Target,
): Promise<Lost & { readonly trouble?: Trouble }> {
  if (!existsSync(folder)) {
    const text = `The old primary's data folder was not there. If it is found, move it to ${folder} and run this again; if it is gone for good, \`--discard\` forgets it.`
    return { ...NOTHING, trouble: { isMissing: true, text } }
  }
  try {
    return await onOld(folder, cluster, target)
  } catch (error) {
    const { message } = error as Error
    const why = isTenfoldError(error) ? `${message} ${error.remedy}` : message
    const text = `It cannot be compared with the present primary: ${why} Mend that, or the folder, and run this again.`
    return { ...NOTHING, trouble: { isMissing: false, text } }
  }
}

async function onOld(folder: string, cluster: ClusterOptions, target: Target): Promise<Lost> {
  const dir = mkdtempSync(join(tmpdir(), 'tenfold-recover-'))
  const server = createPostgres({
    dataDir: folder,
    runDir: join(dir, 'run'),
    logFile: join(dir, 'log'),
    log: silentLogger,
    clock: systemClock,
    pgBin: target.pgBin,
    replication: { standby: false, conf: renderReplication({ id: 'recover', synchronous: [] }) },
  })
  try {
    await server.start()
    return await withSession(connectionTo(server, cluster.connection.database), (old) =>
      withSession(cluster.connection, (current) => whatWasLost(old, current, lostXidsOf(folder))),
    )
  } finally {
    await server.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

const withSession = <R>(connection: ConnectionOptions, work: (db: Queryable) => Promise<R>): Promise<R> =>
  withConnection(connection, (client) =>
    work({ query: async (sql, params) => (await client.query(sql, params as unknown[])).rows }),
  )
