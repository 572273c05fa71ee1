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
import { admin, prepareKit, proxied } from '../kit/databases.ts'
import { ordeal, productCommit } from '../kit/ordeal.ts'
import { productServer } from '../kit/product.ts'
import { chooseSeed, Dice, LONG } from '../kit/seed.ts'
import { type FaultName, SAME_PRIMARY } from './faults.ts'
import { type PatroniCluster, startPatroni } from './kit.ts'
import { patroniPrograms } from './programs.ts'
import { runOverFaults } from './run.ts'
import { HASTY, SHIPPED } from './settings.ts'

const programs = patroniPrograms()
/** Cached reads and writes of pairs. */
const OPERATIONS = LONG ? 100_000 : 4_000
const HISTORIES = LONG ? 60 : 3
const ROUNDS = LONG ? 5 : 1

const one = (connection: ConnectionOptions): ClusterOptions[] => [{ name: 'c0', connection }]

describe('the primary of a Patroni cluster by its address', {
  skip: typeof programs === 'string' && programs,
}, () => {
  let cluster: PatroniCluster
  before(async () => {
    if (typeof programs === 'string') return
    cluster = await startPatroni({ programs, timings: LONG ? SHIPPED : HASTY })
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
    const connection = await database('limits')
    await prepareKit(one(connection))
    await productServer(t, one(connection))
    const sql = await admin(t, { ...cluster.adminConnections[await cluster.primary()]!, database: 'limits' })
    const { rows } = await sql.query<{ major: number; sync: string }>(
      `select current_setting('server_version_num')::int / 10000 as major,
        current_setting('synchronous_standby_names') as sync`,
    )
    t.diagnostic(JSON.stringify(rows))
    assert.ok(rows[0]!.major >= 15)
    assert.notEqual(rows[0]!.sync, '', 'commits wait for a standby')
  })

  test('rows, jobs and cached values agree under retries, cuts and crashes', async (t) => {
    const system = await ModelSystem.on(t, one(await database('joints')))
    await fc.assert(
      fc.asyncProperty(steps, (history) => system.check(history)),
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
    const names = Object.keys(SAME_PRIMARY) as FaultName[]
    const { troubles } = await runOverFaults(t, cluster, {
      database: 'faults',
      clusters: (members, primary) => one(members[primary]!),
      faults: Array.from({ length: ROUNDS }, () => names).flat(),
    })
    // Sooner than the ten seconds that a write waits; with shipped settings Patroni looks only every ten seconds.
    if (!LONG) assert.deepEqual(troubles, {})
  })
})
