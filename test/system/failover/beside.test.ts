import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dearest } from '../../../src/data/failover/fitted.ts'
import { type TestCluster, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { until, within } from '../kit/deadline.ts'
import { missing, startWriters } from './writers.ts'

/** What an operator asks of a standby that hangs, as the primary is lost. */
const ASKED: Readonly<Record<string, (cluster: TestCluster, hung: string) => Promise<unknown>>> = {
  restarted: ({ keeper }, hung) => keeper.restart(hung),
  'taken out': ({ keeper }) => keeper.scale(1),
}

for (const [what, ask] of Object.entries(ASKED))
  test(`the primary is lost while a standby that hangs is ${what}: another serves soon`, async (t) => {
    const cluster = await testCluster(t, {})
    const { keeper } = cluster
    const writers = await startWriters(cluster, 4)
    t.after(() => writers.stop())
    await writers.progress(20)
    const { primary } = keeper.record
    // Whoever is worth least is taken out; that it hangs nobody has noticed yet.
    const hung = dearest(keeper.record).at(-1) as string
    keeper.fault(hung, 'pause')
    const asked = ask(cluster, hung)
    const pidOf = () => keeper.topology().members.find(({ id }) => id === hung)?.pid
    await until('it is begun', () => pidOf() === undefined || undefined)
    keeper.fault(primary, 'kill')
    const another = cluster.until('another primary', (topology) => topology.primary !== primary)
    await within(another, 'another primary', 5_000)
    await within(asked, 'what was asked', 30_000)
    await writers.progress(20)
    await cluster.whole()
    await writers.stop()
    assert.deepEqual(await missing(cluster, writers), [])
  })
