import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '../../core/clock.ts'
import type { TestCluster } from '../failover/fixtures/cluster.ts'
import type { ClusterMember, ClusterTopology } from '../failover/topology.ts'
import type { DataClient } from './data-client.ts'
import { startLoad } from './fixtures/load.ts'
import { replicated, signalMember } from './fixtures/replicated.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

const WRITERS = 8

/** Writers that increment counters until told to end; each knows what it was acknowledged. */
function writing(client: DataClient) {
  const acknowledged = new Map<number, number>()
  const load = startLoad(WRITERS, async (at, turn) => {
    const id = at + 1
    const aim = client.target('user', id)
    while (!turn.over) {
      const startedAt = systemClock.monotonic()
      await client.writeAt(aim, 'visit', (tx) =>
        tx.query(
          `insert into users (id, name, visits) values ($1, 'x', 1)
           on conflict (id) do update set visits = users.visits + 1`,
          [id],
        ),
      )
      acknowledged.set(id, (acknowledged.get(id) ?? 0) + 1)
      await turn.did(startedAt)
    }
  })
  return {
    ...load,
    acknowledged,
    /** Resolves when every writer has had a write acknowledged that began after this. */
    everybody: () => {
      const before = new Map(acknowledged)
      return load.until(() =>
        Array.from({ length: WRITERS }, (_, at) => at + 1).every(
          (id) => (acknowledged.get(id) ?? 0) > (before.get(id) ?? 0) + 1,
        ),
      )
    },
  }
}

async function assertCounted(client: DataClient, acknowledged: ReadonlyMap<number, number>): Promise<void> {
  for (const [id, count] of acknowledged) {
    const rows = await client.readAt<never, { visits: number }[]>(client.target('user', id).placement, (db) =>
      db.query('select visits from users where id = $1', [id]),
    )
    assert.equal(rows[0]?.visits, count, `user ${id}`)
  }
}

const primaryOf = (cluster: TestCluster): string => cluster.keeper.topology().primary
const replaced = (cluster: TestCluster, before: string) =>
  cluster.until('another is primary', ({ primary }) => primary !== before)

/** Ways to lose a primary, with the longest that a write may take. */
const LOSSES: Record<
  string,
  { msMax: number; lose: (cluster: TestCluster, load: ReturnType<typeof writing>) => Promise<unknown> }
> = {
  'cases 1, 11: a killed primary': {
    msMax: 5_000,
    lose: async (cluster) => {
      const before = primaryOf(cluster)
      signalMember(cluster, before, 'SIGKILL')
      return replaced(cluster, before)
    },
  },
  'case 2: a stopped primary': {
    msMax: 8_000,
    lose: async (cluster) => {
      const before = primaryOf(cluster)
      signalMember(cluster, before, 'SIGSTOP')
      return replaced(cluster, before)
    },
  },
  'case 9: two failovers': {
    msMax: 8_000,
    lose: async (cluster, load) => {
      for (let count = 0; count < 2; count++) {
        const before = primaryOf(cluster)
        const { pid } = memberOf(cluster.keeper.topology(), before)
        signalMember(cluster, before, 'SIGKILL')
        // While no standby has caught up with it, it is started again where it was.
        await cluster.until('a primary serves again', (topology) => {
          const { pid: now, view } = memberOf(topology, before)
          return (
            topology.primary !== before || (now !== undefined && now !== pid && view.process === 'running')
          )
        })
        await load.everybody()
      }
    },
  },
}

function memberOf({ members }: ClusterTopology, id: string): ClusterMember {
  return members.find((member) => member.id === id) as ClusterMember
}

for (const clusters of LONG ? [1, 2] : [1]) {
  describe(`writes follow the primary, on ${clusters} cluster(s)`, () => {
    for (const [name, { msMax, lose }] of Object.entries(LOSSES))
      test(`${name}: no error, applied once`, async (t) => {
        const { client, clusters: all } = await replicated(t, { clusters })
        const load = writing(client)
        await load.progress(200)
        await lose(all.at(-1)!, load)
        await load.progress(200)
        const { longestMs } = await load.end()
        t.diagnostic(`the longest write took ${Math.round(longestMs)} ms`)
        await assertCounted(client, load.acknowledged)
        assert.ok(longestMs < msMax)
      })
  })
}
