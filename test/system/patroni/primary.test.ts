import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import fc from 'fast-check'
import type { AppDefinition } from '../../../src/app/types.ts'
import { silentLogger } from '../../../src/core/log.ts'
import type { ClusterOptions, ConnectionOptions } from '../../../src/data/client/types.ts'
import { prepareData } from '../../../src/data/prepare.ts'
import pairs from '../cache/app.ts'
import { violations } from '../cache/history.ts'
import { httpDoor, startPairs } from '../cache/workload.ts'
import { steps } from '../joints/steps.ts'
import { ModelSystem } from '../joints/system.ts'
import { kitClient, newRequestId, prepareKit, proxied } from '../kit/databases.ts'
import { ordeal, productCommit } from '../kit/ordeal.ts'
import { productServer } from '../kit/product.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { ANOTHER_PRIMARY, type FaultName, SAME_PRIMARY } from './faults.ts'
import { followPrimary } from './follower.ts'
import { type PatroniCluster, startPatroni } from './kit.ts'
import { patroniPrograms } from './programs.ts'
import { type RunResult, runOverFaults, SESSIONS } from './run.ts'
import { HASTY, SHIPPED } from './settings.ts'

const programs = patroniPrograms()
const SESSION_SQL = `select current_setting('server_version_num')::int / 10000 as major,
  current_setting('synchronous_standby_names') as standbys,
  current_setting('transaction_timeout', true) as transaction,
  current_setting('statement_timeout') as statement, current_setting('idle_in_transaction_session_timeout') as idle`
/** Cached reads and writes of pairs. */
const OPERATIONS = LONG ? 100_000 : 2_500
const HISTORIES = LONG ? 60 : 2
const ROUNDS = LONG ? 2 : 1

/** Faults of which the fast form has no time for. */
const SLOW: readonly string[] = ['restart in order', 'freeze the primary, and fence it when there is another']

const rounds = (faults: object): FaultName[] =>
  Array.from({ length: ROUNDS }, () => Object.keys(faults) as FaultName[])
    .flat()
    .filter((name) => LONG || !SLOW.includes(name))

/** Milliseconds: with its shipped settings Patroni takes up to `ttl` and a loop to name another standby, and commits wait for it. */
const SETTLE_MS = LONG ? 60_000 : 20_000
/** Milliseconds that a write waits for a primary. */
const PATIENCE_MS = 10_000

/** The only failure that an outage may bring: whoever has waited for as long as a write waits is told, and asks again. */
const TOLD = '503 TENFOLD_DATA_UNAVAILABLE'

/** No request fails because of an outage that is shorter than what a write waits, and none sooner than that. */
function assertPatient({ troubles, longestMs }: RunResult): void {
  const { [TOLD]: told = 0, ...others } = troubles
  assert.deepEqual(others, {})
  const waited = longestMs.map(([, ms]) => Math.floor(ms / PATIENCE_MS))
  const most = SESSIONS * waited.reduce((sum, times) => sum + times, 0)
  assert.ok(told <= most, `${told} were told, at most ${most} can have waited`)
}

const one = (connection: ConnectionOptions): ClusterOptions[] => [{ name: 'c0', connection }]

/** Who is primary is nobody's word: the client asks. */
const all = (members: readonly ConnectionOptions[]): ClusterOptions[] => [
  {
    name: 'c0',
    connection: members[0]!,
    members: members.map((connection, at) => ({ id: `c0-pg-${at + 1}`, connection })),
  },
]

describe('the primary of a Patroni cluster by its address', {
  skip: typeof programs === 'string' && programs,
}, () => {
  let cluster: PatroniCluster
  before(async () => {
    if (typeof programs === 'string') return
    cluster = await startPatroni({ programs, tuning: LONG ? SHIPPED : HASTY })
  })
  after(() => cluster?.stop())

  /** A database of one test on the primary. */
  const database = async (name: string): Promise<ConnectionOptions> =>
    (await cluster.create(name))[await cluster.primary()]!

  test('each kind of call under each kind of cut is applied once', async (t) => {
    const connection = await database('cuts')
    await prepareKit(one(connection))
    const { proxy, connection: through } = await proxied(t, connection)
    const url = await productServer(t, one(through))
    const found = await ordeal(t, { url, database: proxy, commit: productCommit, connections: [connection] })
    assert.deepEqual(found, [])
  })

  test('a server without transaction_timeout bounds statements and pauses of each session that writes', async (t) => {
    const clusters = one(await database('limits'))
    await prepareKit(clusters)
    const { client, asRequest } = await kitClient(clusters)
    t.after(() => client.stop())
    const seen = (deadlineMs: number) =>
      asRequest(newRequestId(), () =>
        client.writeHome(
          'look',
          async (tx) => {
            const [row] = await tx.query<Record<string, string>>(SESSION_SQL)
            return row!
          },
          { deadlineMs },
        ),
      )
    const { major, standbys, ...limits } = await seen(PATIENCE_MS)
    t.diagnostic(`PostgreSQL ${major}`)
    assert.notEqual(standbys, '', 'commits wait for a standby')
    const expected = (limit: string) =>
      Number(major) >= 17
        ? { transaction: limit, statement: '0', idle: '0' }
        : { transaction: null, statement: limit, idle: limit }
    assert.deepEqual(limits, expected('10s'))
    const { transaction, statement, idle } = await seen(20_000)
    assert.deepEqual({ transaction, statement, idle }, expected('20s'))
  })

  test('rows, jobs and cached values agree under retries, cuts and crashes', async (t) => {
    const system = await ModelSystem.on(t, one(await database('joints')))
    await fc.assert(
      fc.asyncProperty(steps, (history) => system.check(history, { settleMs: SETTLE_MS })),
      { numRuns: HISTORIES, endOnFailure: true, seed: chooseSeed() },
    )
    await system.close()
  })

  test('cached reads are never older than what a session has seen', async (t) => {
    const clusters = one(await database('pairs'))
    await prepareData({
      clusters,
      placing: pairs.placing as never,
      migrations: pairs.options.migrations,
      log: silentLogger,
    })
    const url = await productServer(t, clusters, pairs as unknown as AppDefinition)
    const troubles = new Map<string, number>()
    const seed = chooseSeed()
    const workload = startPairs(httpDoor(url, troubles), new Dice(seed), {
      sessions: 8,
      operations: OPERATIONS,
    })
    await workload.done
    assert.deepEqual([...troubles], [])
    assert.deepEqual(violations(workload.history), [], `seed ${seed}`)
  })

  test('nothing is lost, doubled or stale when it is killed, restarted, stopped and cut off', async (t) => {
    const primary = await cluster.primary()
    const result = await runOverFaults(t, cluster, {
      database: 'faults',
      clusters: (members) => one(members[primary]!),
      faults: rounds(SAME_PRIMARY),
    })
    assertPatient(result)
  })

  test('by the addresses of all members: switchover and failover, with reads on replicas', async (t) => {
    const result = await runOverFaults(t, cluster, {
      database: 'members',
      clusters: all,
      faults: rounds(ANOTHER_PRIMARY),
      copies: true,
    })
    assertPatient(result)
  })

  test('behind one address for whoever is primary: the same when another member takes over', {
    skip: LONG ? false : 'the long form does it',
  }, async (t) => {
    const address = await followPrimary(t, cluster)
    const result = await runOverFaults(t, cluster, {
      database: 'follows',
      clusters: ([member]) => one({ ...address, database: member!.database }),
      faults: rounds(ANOTHER_PRIMARY),
    })
    assertPatient(result)
  })
})
