import { existsSync } from 'node:fs'
import { systemClock } from '../core/clock.ts'
import { silentLogger } from '../core/log.ts'
import type { ClusterOptions, ConnectionOptions } from '../data/client/types.ts'
import { connectionTo } from '../data/postgres/address.ts'
import { findRunning } from '../data/postgres/postmaster-file.ts'
import { readPassword } from '../data/postgres/record.ts'
import { createPostgres } from '../data/postgres/server.ts'
import { SUPERUSER } from '../data/postgres/types.ts'
import { clusterName, embeddedClusters, externalClusters } from './clusters.ts'
import { ensureDatabases, listEmbedded } from './databases.ts'
import { ConfigInvalid, NoDatabase, OperationRefused } from './errors.ts'
import { readOwner } from './owner-notes.ts'
import { own } from './ownership.ts'
import { goAlone, primaryPlaces, standAlone } from './stand-alone.ts'
import { openStateFolder, type StateFolder, stateFolder } from './state-folder.ts'

/** Which databases a command works on. */
export interface Target {
  readonly folder: string
  /** External databases; they win over the folder. */
  readonly databases: readonly string[]
  readonly pgBin?: string | undefined
  /** The application's name; without it there must be only one in the folder. */
  readonly app?: string | undefined
  /** Make so many embedded databases when there are none. @defaultValue none */
  readonly create?: number | undefined
  /**
   * The work changes something. Otherwise a server that is started for it is read-only, and its replicas stay as good as they
   * were. @defaultValue false
   */
  readonly writes?: boolean | undefined
}

/**
 * Runs `work` on the clusters of a system: through its running PostgreSQL, or, when it is stopped, through one that
 * is started for as long as the work takes, under the folder's lock.
 */
export async function withClusters<R>(
  target: Target,
  work: (clusters: readonly ClusterOptions[]) => Promise<R>,
): Promise<R> {
  if (target.databases.length > 0) return work(externalClusters(target.databases))
  const folder = stateFolder(target.folder)
  const running = runningServers(folder)
  if (running.length > 0) {
    let begun = false
    try {
      return await onServers(running, target, (clusters) => {
        begun = true
        return work(clusters)
      })
    } catch (error) {
      // Between our look and now it may have stopped. What has begun is not done once more.
      if (begun || runningServers(folder).length > 0) throw error
    }
  }
  return withStarted(target, (server) => onServers([server], target, work))
}

/** @param servers one with all clusters, or one for each */
async function onServers<R>(
  servers: readonly ConnectionOptions[],
  target: Target,
  work: (clusters: readonly ClusterOptions[]) => Promise<R>,
): Promise<R> {
  const apps = new Map<string, ClusterOptions[]>()
  for (const server of servers)
    for (const [app, clusters] of await listEmbedded(server))
      apps.set(app, [...(apps.get(app) ?? []), ...clusters])
  const server = servers[0] as ConnectionOptions
  const name = target.app?.replaceAll('-', '_')
  const found = name === undefined && apps.size === 1 ? [...apps.values()][0] : apps.get(name ?? '')
  if (found !== undefined) return work(found)
  if (target.create !== undefined && target.app !== undefined) {
    const clusters = embeddedClusters(target.app, target.create, {
      socketDir: server.host,
      port: server.port,
      user: server.user,
      password: server.password ?? '',
    })
    await ensureDatabases(clusters)
    return work(clusters)
  }
  if (apps.size === 0 || name !== undefined) throw new NoDatabase(target.folder, target.app)
  throw new ConfigInvalid(
    `${target.folder} holds the databases of several apps: ${[...apps.keys()].join(', ')}.`,
    'Name the app: its module or its folder.',
  )
}

/** The primaries that run; empty unless all of them do. */
function runningServers(folder: StateFolder): ConnectionOptions[] {
  const running: ConnectionOptions[] = []
  for (let at = 0; ; at++) {
    const { dataDir, record } = primaryPlaces(folder, clusterName(at))
    if (at > 0 && record === undefined) return running
    const server = runningServer(dataDir)
    if (server === undefined) return []
    running.push(server)
  }
}

function runningServer(dataDir: string): ConnectionOptions | undefined {
  const { postmaster, file } = findRunning(dataDir)
  const password = readPassword(dataDir)
  if (postmaster === undefined || file?.status !== 'ready' || password === undefined) return undefined
  return { host: file.socketDir, port: file.port, user: SUPERUSER, password, database: 'postgres' }
}

async function withStarted<R>(target: Target, work: (server: ConnectionOptions) => Promise<R>): Promise<R> {
  if (target.create === undefined && !existsSync(stateFolder(target.folder).pg))
    throw new NoDatabase(target.folder, target.app)
  const folder = openStateFolder(target.folder)
  refuseGuarded(folder)
  const owned = own(folder.path)
  try {
    const { id: _, ...places } = standAlone(folder)
    const server = createPostgres({
      ...places,
      log: silentLogger,
      clock: systemClock,
      pgBin: target.pgBin,
      settings: target.writes ? {} : { default_transaction_read_only: 'on' },
    })
    try {
      await server.start()
      if (target.writes) goAlone(folder, server, { copyAnew: false })
      return await work(connectionTo(server))
    } finally {
      await server.stop()
    }
  } finally {
    owned.release()
  }
}

/** A system whose server process has just died is not stopped: the next one needs the folder, and decides who is primary. */
function refuseGuarded({ path }: StateFolder): void {
  const { guard } = readOwner(path)
  if (guard === undefined) return
  throw new OperationRefused(
    `The system on ${path} is being started again by its guard (process ${guard.pid}), and its database does not run yet.`,
    `Try again when \`tenfold status --data ${path}\` says that it is ready, or stop it first with \`tenfold stop --data ${path}\`.`,
  )
}
