import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import type { NodeStatus } from '../../../src/core/topology.ts'
import { primaryOf, testCluster } from '../../../src/data/failover/fixtures/cluster.ts'
import { nodePlaces } from '../../../src/data/failover/places.ts'
import { connectionTo } from '../../../src/data/postgres/address.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import { CookieMemory } from '../kit/memory.ts'
import { ServerProcess } from '../kit/server.ts'
import { signal } from '../kit/signal.ts'
import { runUnderFaults } from '../kit/under-faults.ts'

const RUN_MS_MAX = 120_000
const isOf =
  (role: 'primary' | 'replica') =>
  (node: NodeStatus): boolean =>
    node.role === role

const scaledTo =
  (replicas: number) =>
  async (server: ServerProcess): Promise<void> => {
    await server.command('scale', `data.replicas=${replicas}`)
    const { nodes } = await server.ready()
    assert.equal(nodes.filter(isOf('replica')).length, replicas)
  }

/** Whether a process is stopped. */
const isStopped = (pid: number | null): boolean =>
  execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T')

/** Every node has said something, and `tenfold logs` shows it. */
async function logsOfEachNode(server: ServerProcess): Promise<void> {
  const lines = (await server.command('logs', '--json', '--lines', '5')).trim().split('\n')
  const said = new Set(lines.map((line) => (JSON.parse(line) as { node: string }).node))
  assert.deepEqual(
    (await server.ready()).nodes.map(({ id }) => id).filter((id) => !said.has(id)),
    [],
  )
}

async function faultOnEachTier(server: ServerProcess): Promise<void> {
  const pidOf = async (id: string): Promise<number | null> =>
    (await server.ready()).nodes.find((node) => node.id === id)!.pid
  const relay = await pidOf('relay-1')
  await server.command('fault', 'pause', 'relay-1')
  assert.ok(isStopped(relay))
  await server.command('fault', 'resume', 'relay-1')
  assert.ok(!isStopped(relay))
  const web = await pidOf('web-1')
  await server.command('fault', 'kill', 'web-1')
  await server.until('another web node', ({ nodes }) =>
    nodes.find(({ id, pid, state }) => id === 'web-1' && pid !== web && state === 'healthy'),
  )
}

test('`tenfold scale` makes replicas and takes them away while the system works; `fault` breaks any node', async (t) => {
  const server = await ServerProcess.start(t, { flags: ['--stage', 'replicated'] })
  await runUnderFaults(t, server, {
    seed: 1,
    faults: [
      ['three replicas', scaledTo(3)],
      ['one replica', scaledTo(1)],
      ['two replicas', scaledTo(2)],
    ],
    msMax: RUN_MS_MAX,
    memory: () => new CookieMemory(),
    copies: true,
  })
  await faultOnEachTier(server)
  await logsOfEachNode(server)
})

test('`tenfold start --database` with several hosts follows the primary of somebody else’s cluster', async (t) => {
  const cluster = await testCluster(t, { database: 'app' })
  const hosts = [...cluster.connections('app').values()].map(({ host }) => encodeURIComponent(host))
  const { user, password } = primaryOf(cluster.keeper.topology())
  const url = `postgres://${user}:${encodeURIComponent(password)}@${hosts.join(',')}/app`
  const server = await ServerProcess.start(t, { flags: ['--database', url] })
  const roles = (count: Record<string, number>) => (): Promise<unknown> =>
    server.until(JSON.stringify(count), ({ nodes }) => {
      const data = nodes.filter(({ tier }) => tier === 'data')
      const found = Map.groupBy(data, ({ role, state }) => `${role ?? 'nobody'} ${state}`)
      const now = Object.fromEntries([...found].map(([name, list]) => [name, list.length]))
      return isDeepStrictEqual(now, count) || undefined
    })
  const whole = roles({ 'primary healthy': 1, 'replica healthy': 2 })
  await whole()
  const killed = async (): Promise<void> => {
    const { primary } = cluster.keeper.record
    cluster.keeper.fault(primary, 'kill')
    await cluster.until('another is primary', (topology) => topology.primary !== primary)
  }
  const system = {
    url: server.url,
    ready: () => cluster.whole(),
    connections: async () => [connectionTo(primaryOf(cluster.keeper.topology()), 'app')],
    logTail: () => server.logTail(),
  }
  const troubles = await runUnderFaults(t, system, {
    seed: 1,
    faults: [
      ['kill the primary', killed],
      ['kill the next one', killed],
    ],
    msMax: RUN_MS_MAX,
    memory: () => new CookieMemory(),
    copies: true,
  })
  assert.deepEqual(troubles, {})
  await whole()
  // Nobody starts it again.
  await cluster.keeper.leave()
  const { options, keeper } = cluster
  const replica = keeper.record.nodes.find((id) => id !== keeper.record.primary)!
  for (const process of processesIn(nodePlaces(options, replica).dataDir)) signal(process.pid, 'SIGKILL')
  await roles({ 'primary healthy': 1, 'replica healthy': 1, 'nobody down': 1 })()
})
