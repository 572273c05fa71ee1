import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import pg from 'pg'
import { systemClock } from '../../core/clock.ts'
import { createMetrics } from '../../telemetry/metrics.ts'
import type { TestCluster } from '../failover/fixtures/cluster.ts'
import type { DataClient } from './data-client.ts'
import { startLoad } from './fixtures/load.ts'
import { type Replicated, replicated, signalMember, type TestSession } from './fixtures/replicated.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

const SESSIONS = 12
/** Every load has users of its own. */
let loads = 0

/** A register of a session's own: every read must give the last value that the session wrote. */
async function visit(session: TestSession, id: number, value: number): Promise<void> {
  await session.request((client) =>
    client.writeAt(client.target('user', id), 'set', (tx) =>
      tx.query(
        `insert into users (id, name, visits) values ($1, 'x', $2) on conflict (id) do update set visits = $2`,
        [id, value],
      ),
    ),
  )
}

const look = (session: TestSession, id: number): Promise<number | undefined> =>
  session.request((client) => visitsOf(client, id))

async function visitsOf(client: DataClient, id: number): Promise<number | undefined> {
  const rows = await client.readAt<never, { visits: number }[]>(client.target('user', id).placement, (db) =>
    db.query('select visits from users where id = $1', [id]),
  )
  return rows[0]?.visits
}

/**
 * Sessions that write now and then, and read what they wrote and what another wrote: the one must be there, the other must
 * not go back. Their requests are served by all processes in turn. Ends with what took longest.
 */
function reading({ session }: Replicated, ...clients: readonly DataClient[]) {
  loads += SESSIONS
  const first = loads
  return startLoad(SESSIONS, async (at, turn) => {
    const own = session(...clients)
    const id = first + at
    let others = 0
    for (let value = 1; !turn.over; value++) {
      await visit(own, id, value)
      for (let count = 0; count < 9 && !turn.over; count++) {
        const startedAt = systemClock.monotonic()
        assert.equal(await look(own, id), value)
        const other = (await look(own, first)) ?? 0
        assert.ok(other >= others, `another's value went back from ${others} to ${other}`)
        others = other
        await turn.did(startedAt)
      }
    }
  })
}

test('reads leave the primary, and every session reads its own writes', async (t) => {
  const all = await replicated(t)
  const metrics = createMetrics({ processMetrics: false })
  const client = await all.another({ metrics })
  await client.lookAgain('c0')
  const load = reading(all, client)
  await load.progress(2_500)
  const { finished } = await load.end()
  const { replica, primary, waits } = client.cluster('c0').metrics
  t.diagnostic(
    `${finished} reads: ${replica.value} on replicas, ${primary.value} on the primary, ${waits.value} waited`,
  )
  assert.ok(replica.value / (replica.value + primary.value) >= 0.95)
  assert.match(await metrics.text(), /data_reads_total\{cluster="c0",role="replica"\} \d{4}/)
})

const replicasOf = ({ keeper }: TestCluster): string[] =>
  keeper.topology().members.flatMap(({ id, role }) => (role === 'replica' ? [id] : []))

const primaryOf = ({ keeper }: TestCluster): string => keeper.topology().primary

async function onMembers(cluster: TestCluster, ids: readonly string[], sql: string): Promise<void> {
  for (const id of ids) {
    const one = new pg.Client(cluster.connections('app').get(id)!)
    await one.connect()
    // A replica that has much to catch up may end this for the sake of replay.
    while ((await one.query(sql).catch(({ code }) => code)) === '40001');
    await one.end()
  }
}

type Load = ReturnType<typeof reading>
type Break = (cluster: TestCluster, load: Load) => Promise<unknown>

const signalled =
  (count: number, name: NodeJS.Signals): Break =>
  async (cluster, load) => {
    const ids = replicasOf(cluster).slice(0, count)
    for (const id of ids) signalMember(cluster, id, name)
    await load.progress(200)
    for (const id of ids) if (name === 'SIGSTOP') signalMember(cluster, id, 'SIGCONT')
  }

const paused: Break = async (cluster, load) => {
  const ids = replicasOf(cluster)
  await onMembers(cluster, ids, 'select pg_wal_replay_pause()')
  await load.progress(500)
  await onMembers(cluster, ids, 'select pg_wal_replay_resume()')
}

const primaryLost =
  (name: NodeJS.Signals): Break =>
  async (cluster) => {
    const before = primaryOf(cluster)
    signalMember(cluster, before, name)
    await cluster.until('another is primary', ({ primary }) => primary !== before)
  }

/** The postmaster shuts down in order: its standbys have all, and clients are told to go (57P01). */
const shutDown: Break = async (cluster) => {
  const before = primaryOf(cluster)
  const { pid } = cluster.keeper.topology().members.find(({ id }) => id === before)!
  process.kill(pid!, 'SIGINT')
  await cluster.until('another is primary', ({ primary }) => primary !== before)
}

/** What is broken, and the longest that two reads may take meanwhile, in milliseconds. */
const BREAKS: Record<string, { readonly msMax: number; readonly broken: Break }> = {
  'a replica is killed': { msMax: 1_500, broken: signalled(1, 'SIGKILL') },
  'case 14: a replica is stopped': { msMax: 1_500, broken: signalled(1, 'SIGSTOP') },
  'cases 14, 17: no replica replays': { msMax: 1_500, broken: paused },
  'both replicas are killed': { msMax: 8_000, broken: signalled(2, 'SIGKILL') },
  'both replicas are stopped for a while': {
    // Whoever has been shown a commit that no standby has confirmed waits 5 s for it on the primary: see settling.ts.
    msMax: 8_000,
    broken: async (cluster, load) => {
      const ids = replicasOf(cluster)
      // No write is acknowledged now, so sessions come to an end one after another; the first reads go on.
      for (const id of ids) signalMember(cluster, id, 'SIGSTOP')
      await load.progress(SESSIONS)
      for (const id of ids) signalMember(cluster, id, 'SIGCONT')
    },
  },
  'cases 1, 11: the primary is killed': { msMax: 5_000, broken: primaryLost('SIGKILL') },
  'case 2: the primary is stopped': { msMax: 8_000, broken: primaryLost('SIGSTOP') },
  'the primary is shut down': { msMax: 5_000, broken: shutDown },
}

for (const count of LONG ? [1, 2] : [1]) {
  describe(`reads and writes while something breaks, on ${count} cluster(s)`, () => {
    test('no error; case 19: what a session reads never goes back', async (t) => {
      const all = await replicated(t, { clusters: count })
      const second = await all.another()
      for (const [name, { msMax, broken }] of Object.entries(BREAKS)) {
        await t.test(name, async (t) => {
          const cluster = all.clusters.at(-1)!
          const load = reading(all, all.client, second)
          await load.progress(300)
          await broken(cluster, load)
          await load.progress(300)
          const { longestMs } = await load.end()
          t.diagnostic(`the longest pair of reads took ${Math.round(longestMs)} ms`)
          await cluster.whole()
          assert.ok(longestMs < msMax, `a pair of reads took ${longestMs} ms`)
        })
      }
    })
  })
}
