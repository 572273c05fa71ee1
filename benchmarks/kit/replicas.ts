import { join } from 'node:path'
import type { AppDefinition } from '../../src/app/types.ts'
import { systemClock } from '../../src/core/clock.ts'
import { silentLogger } from '../../src/core/log.ts'
import type { ClusterMember, ClusterOptions } from '../../src/data/client/types.ts'
import { ClusterKeeper } from '../../src/data/failover/keeper.ts'
import { connectionTo } from '../../src/data/postgres/address.ts'
import { createDatabase } from '../../src/data/postgres/database.ts'
import { prepareData } from '../../src/data/prepare.ts'
import { withFolder } from './lightbox.ts'

/** A primary with two replicas, a commit waiting for one of them, with the tables of an app. */
export interface ReplicatedCluster {
  /** With the primary's connection, and all members. */
  readonly options: ClusterOptions & { readonly members: readonly ClusterMember[] }
  readonly replicas: readonly ClusterMember[]
  /** The primary's first. */
  readonly pids: readonly number[]
}

export async function withReplicas<R>(
  { placing, migrations }: { readonly placing: AppDefinition['placing']; readonly migrations: URL },
  work: (cluster: ReplicatedCluster) => Promise<R>,
): Promise<R> {
  return withFolder(async (folder) => {
    const keeper = new ClusterKeeper({
      name: 'c0',
      replicas: 2,
      dataDir: join(folder, 'pg'),
      runDir: join(folder, 'run'),
      logDir: join(folder, 'logs'),
      recordFile: join(folder, 'c0.json'),
      log: silentLogger,
      clock: systemClock,
    })
    await keeper.start()
    try {
      await whole(keeper)
      const all = keeper
        .topology()
        .members.toSorted((one, other) => Number(isReplica(one)) - Number(isReplica(other)))
      await createDatabase(all[0]!.address!, 'bench_c0')
      const members = all.map(({ id, address }) => ({ id, connection: connectionTo(address!, 'bench_c0') }))
      const options = { name: 'c0', connection: members[0]!.connection, members }
      await prepareData({ clusters: [options], placing, migrations, log: silentLogger })
      return await work({ options, replicas: members.slice(1), pids: all.map(({ pid }) => pid!) })
    } finally {
      await keeper.stop()
    }
  })
}

const isReplica = ({ role }: { readonly role: string }): boolean => role === 'replica'

/** All standbys count. */
function whole(keeper: ClusterKeeper): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (keeper.topology().members.every((one) => !isReplica(one) || one.synchronous)) {
        end()
        resolve()
      }
    }
    const end = keeper.onChange(look)
    look()
  })
}
