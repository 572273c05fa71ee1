import type { TestContext } from 'node:test'
import { systemClock } from '../../../src/core/clock.ts'
import { admin } from '../kit/databases.ts'
import type { PatroniCluster } from './kit.ts'

/** Something that happens to the cluster; returns when it is whole again, so that the next meets two standbys. */
export type PatroniFault = (cluster: PatroniCluster, t: TestContext) => Promise<void>

/** Milliseconds; less than any lease, so that nobody takes over. */
const PAUSE_MS = 1_500

/** After these the primary is the one it was: a client of one address sees a pause. */
export const SAME_PRIMARY = {
  'kill PostgreSQL': async (cluster) => {
    await cluster.killPrimary('postgres')
    await cluster.whole()
  },
  'restart in order': async (cluster) => {
    await cluster.restart()
    await cluster.whole()
  },
  'stop PostgreSQL for a while': async (cluster) => {
    const { thaw } = await cluster.freezePrimary('postgres')
    // The pause is the fault itself: a primary that is silent for this long.
    await systemClock.sleep(PAUSE_MS)
    thaw()
    await cluster.whole()
  },
  'terminate backends': async (cluster, t) => {
    const sql = await admin(t, cluster.adminConnections[await cluster.primary()]!)
    await sql.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where backend_type = 'client backend' and application_name = 'tenfold'`,
    )
  },
  'kill Patroni': async (cluster) => {
    cluster.revive(await cluster.killPrimary('patroni'))
    await cluster.whole()
  },
} satisfies Record<string, PatroniFault>

/** After these another member is the primary. */
export const ANOTHER_PRIMARY = {
  'switch over': async (cluster) => {
    await cluster.switchover()
    await cluster.whole()
  },
  'lose the primary': async (cluster) => {
    const lost = await cluster.killPrimary()
    await another(cluster, lost)
    cluster.revive(lost)
    await cluster.whole()
  },
  // Not thawed: Patroni 3.0.2 lets it take back its lease, which is no matter of the client's.
  'freeze the primary, and fence it when there is another': async (cluster) => {
    const { member, kill } = await cluster.freezePrimary()
    await another(cluster, member)
    await kill()
    cluster.revive(member)
    await cluster.whole()
  },
} satisfies Record<string, PatroniFault>

async function another(cluster: PatroniCluster, lost: number): Promise<void> {
  const primary = await cluster.primary()
  if (primary === lost) throw new Error(`member ${lost} is still the primary`)
}

export type FaultName = keyof typeof SAME_PRIMARY | keyof typeof ANOTHER_PRIMARY
export const FAULTS: Readonly<Record<FaultName, PatroniFault>> = { ...SAME_PRIMARY, ...ANOTHER_PRIMARY }
