import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../core/clock.ts'
import { silentLogger } from '../core/log.ts'
import type { Queryable } from '../core/ports.ts'
import type { ClusterOptions, ConnectionOptions } from '../data/client/types.ts'
import { lostFolders, lostFromOf } from '../data/failover/lost.ts'
import { type LostTransaction, lostTransactions } from '../data/failover/recover.ts'
import { removeNode } from '../data/failover/removal.ts'
import { connectionTo } from '../data/postgres/address.ts'
import { createPostgres } from '../data/postgres/server.ts'
import { renderReplication } from '../data/replication/settings.ts'
import { type Target, withClusters } from './access.ts'
import { withConnection } from './databases.ts'
import { firstDataDir } from './stand-alone.ts'
import { stateFolder } from './state-folder.ts'

/** What one kept data folder has that the present primary has not. */
export interface Recovered {
  readonly cluster: string
  /** The data folder of the old primary. */
  readonly folder: string
  readonly transactions: readonly LostTransaction[]
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
        say(`reading ${folder}`)
        found.push({ cluster: cluster.name, folder, transactions: await lookInto(folder, cluster, target) })
      }
    return found
  })
}

/** Removes kept folders; what is in them is gone for good. */
export async function discard(recovered: readonly Recovered[]): Promise<void> {
  for (const { folder } of recovered) await removeNode(folder)
}

async function lookInto(folder: string, cluster: ClusterOptions, target: Target): Promise<LostTransaction[]> {
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
      withSession(cluster.connection, (current) => lostTransactions(old, current, lostFromOf(folder))),
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
