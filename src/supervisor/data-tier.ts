import type { Clock } from '../core/clock.ts'
import type { Logger } from '../core/log.ts'
import { formatLsn } from '../core/lsn.ts'
import type { DurabilityStatus, NodeState, NodeStatus } from '../core/topology.ts'
import { ClusterKeeper } from '../data/failover/keeper.ts'
import { nodePlaces } from '../data/failover/places.ts'
import { readClusterRecord } from '../data/failover/record.ts'
import type { ClusterMember } from '../data/failover/topology.ts'
import { connectionTo } from '../data/postgres/address.ts'
import { clusterName } from './clusters.ts'
import { listEmbedded } from './databases.ts'
import { StageRefused } from './errors.ts'
import { sizeServer } from './sizing.ts'
import { clusterPlaces, recordFile } from './stand-alone.ts'
import type { Ports, StartRequest } from './start-request.ts'
import type { StateFolder } from './state-folder.ts'

/** A keeper for each cluster, the first on the data folder that stage `single` uses. */
export function createKeepers(
  request: StartRequest,
  folder: StateFolder,
  options: { readonly log: Logger; readonly clock: Clock; readonly ports: Ports | undefined },
): Map<string, ClusterKeeper> {
  const { postgres } = sizeServer(request)
  return new Map(
    Array.from({ length: request.clusters }, (_, at) => {
      const name = clusterName(at)
      const keeper = new ClusterKeeper({
        ...clusterPlaces(folder, name),
        replicas: request.replicas,
        recordFile: recordFile(folder, name),
        durability: request.durability,
        postgres: { ...postgres, ...(request.pgBin !== undefined && { pgBin: request.pgBin }) },
        log: options.log,
        clock: options.clock,
        // One that is started again has served: nobody waits for a word.
        patient: options.ports !== undefined,
      })
      return [name, keeper] as const
    }),
  )
}

/** The data folders that they keep, or end in an order of their own. */
export function keptFolders(keepers: ReadonlyMap<string, ClusterKeeper>, folder: StateFolder): string[] {
  return [...keepers].flatMap(([name, { record }]) =>
    record.nodes.map((id) => nodePlaces(clusterPlaces(folder, name), id).dataDir),
  )
}

/**
 * Starts them side by side.
 * @throws StageRefused for a folder in which several clusters are databases of one server, and now should have one each
 */
export async function startKeepers(
  keepers: ReadonlyMap<string, ClusterKeeper>,
  folder: StateFolder,
): Promise<void> {
  const [home, ...others] = [...keepers.values()] as [ClusterKeeper, ...ClusterKeeper[]]
  // The others begin now: what they hold may be in the first one.
  if (others.length > 0 && readClusterRecord(recordFile(folder, clusterName(1))) === undefined) {
    await home.start()
    await refuseMerged(home, folder)
  }
  await Promise.all([home, ...others].map((keeper) => keeper.start()))
}

async function refuseMerged(home: ClusterKeeper, folder: StateFolder): Promise<void> {
  const { primary, members } = home.topology()
  const address = members.find(({ id }) => id === primary)?.address
  if (address === undefined) return
  const apps = await listEmbedded(connectionTo(address))
  const several = [...apps].find(([, clusters]) => clusters.length > 1)
  if (several === undefined) return
  throw new StageRefused(
    `${folder.path} was made at stage \`single\`: the clusters of ${several[0]} are databases of one server.`,
    'Stay at `--stage single` with it, or begin with another folder (--data DIR) at the later stage.',
  )
}

/** The data nodes of a cluster, for the status. */
export function dataStatus(cluster: string, keeper: ClusterKeeper): NodeStatus[] {
  return keeper.topology().members.map((member) => {
    const { id, role, view, pid, startedAt, address } = member
    return {
      id,
      tier: 'data',
      cluster,
      role,
      pid: pid ?? null,
      state: stateOf(member),
      address: address?.socketDir ?? '',
      startedAt: new Date(startedAt).toISOString(),
      ...(view.lsn !== undefined && { lsn: formatLsn(view.lsn) }),
      ...(view.timeline !== undefined && { timeline: view.timeline }),
    }
  })
}

/** On how many disks a cluster's commits are. */
export function durabilityStatus(keeper: ClusterKeeper): DurabilityStatus {
  const { durability: choice, alone, members } = keeper.topology()
  const standbys = members.filter(({ synchronous, view }) => synchronous && view.process === 'running')
  return {
    choice,
    standbys: standbys.map(({ id }) => id),
    commits: alone ? 'one disk' : standbys.length > 0 ? 'two disks' : 'waiting',
  }
}

/** A replica is well when its word counts for commits. */
function stateOf({ role, view, synchronous, building }: ClusterMember): NodeState {
  switch (view.process) {
    case 'running':
      return role === 'primary' || synchronous ? 'healthy' : 'starting'
    case 'starting':
      return 'starting'
    case 'hung':
      return 'suspect'
    case 'missing':
      return building ? 'starting' : 'down'
    case 'down':
      return 'down'
  }
}
