import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { SystemStatus } from '../../../src/core/topology.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import { readOwner } from '../../../src/supervisor/owner-notes.ts'
import { type Place, place, type Running, runs } from '../cli/kit.ts'
import { until, within } from '../kit/deadline.ts'
import { ServerProcess } from '../kit/server.ts'
import { signal } from '../kit/signal.ts'

const REPLICATED = ['--stage', 'replicated', '--replicas', '1']

/** Kills the supervisor; resolves when the next one says that all is well. */
async function nextSupervisor(server: ServerProcess): Promise<void> {
  const before = server.supervisor
  signal(before, 'SIGKILL')
  await until('the next supervisor', () => {
    const now = server.supervisor
    return (now !== undefined && now !== before) || undefined
  })
}

/** Every node with its process. */
const pidsOf = ({ nodes }: SystemStatus): Record<string, number | null> =>
  Object.fromEntries(nodes.map(({ id, pid }) => [id, pid]))

test('the next supervisor keeps every node, and what the last one was told to scale to; each change has an epoch of its own', async (t) => {
  const server = await ServerProcess.start(t, { flags: [...REPLICATED, '--workers', '1'] })
  const started = await server.ready()
  await server.command('scale', 'data.replicas=2')
  const scaled = await server.ready()
  assert.equal(scaled.nodes.filter(({ role }) => role === 'replica').length, 2)
  assert.ok(scaled.topologyEpoch > started.topologyEpoch)
  await nextSupervisor(server)
  const adopted = await server.ready()
  assert.deepEqual(pidsOf(adopted), pidsOf(scaled))
  for (const id of ['web-1', 'relay-1', 'worker-1']) assert.ok(pidsOf(adopted)[id], id)
  assert.ok(adopted.topologyEpoch > scaled.topologyEpoch)
  // What the next one says is news for the nodes that it has adopted: a write finds the next primary.
  signal(adopted.nodes.find(({ role }) => role === 'primary')!.pid, 'SIGKILL')
  const body = JSON.stringify({ type: 'append', key: '1', element: 'a' })
  const { status } = await fetch(`${server.url}/op`, { method: 'POST', body })
  assert.equal(status, 200)
  assert.ok((await server.ready()).topologyEpoch > adopted.topologyEpoch)
})

test('a node that hangs when the next supervisor adopts it is replaced', async (t) => {
  const env = { TENFOLD_UNRESPONSIVE_SECONDS: '3' }
  const server = await ServerProcess.start(t, { flags: REPLICATED, env })
  const { nodes } = await server.ready()
  const web = nodes.find(({ id }) => id === 'web-1')!
  signal(web.pid, 'SIGSTOP')
  t.after(() => signal(web.pid, 'SIGKILL'))
  await nextSupervisor(server)
  await server.until('another web node', (status) => {
    const now = status.nodes.find(({ id }) => id === 'web-1')
    return (now?.pid !== web.pid && now?.state === 'healthy') || undefined
  })
})

/** Every process that works in this state folder's data. */
const left = ({ data }: Place): unknown[] =>
  ['c0', 'c0-pg-2'].flatMap((name) => {
    const folder = join(data, 'pg', name)
    return existsSync(folder) ? processesIn(folder) : []
  })

test('Ctrl-C while the data tier starts ends everything soon', async (t) => {
  const here = place(t)
  const starting = here.command([
    'start',
    '--data',
    here.data,
    '--port',
    '0',
    '--console-port',
    '0',
    ...REPLICATED,
  ])
  const running = await until('a PostgreSQL starts', () => left(here).length > 0 || undefined)
  assert.ok(running)
  starting.child.kill('SIGINT')
  const { code } = await within(starting.ended, 'the end', 8_000)
  assert.equal(code, 0)
  assert.deepEqual(left(here), [])
  assert.equal(readOwner(here.data).server, undefined)
})

test('a second start that cannot succeed ends with its cause', async (t) => {
  const here = place(t)
  const system: Running = await here.start(REPLICATED)
  system.guard.child.kill('SIGINT')
  await within(system.guard.ended, 'the end of the first')
  const wrong = join(here.dir, 'nothing')
  mkdirSync(wrong)
  const flags = ['start', '--data', here.data, '--port', '0', '--console-port', '0', ...REPLICATED]
  const { code, err } = await here.run([...flags, '--pg-bin', wrong])
  assert.equal(code, 1)
  assert.match(err, /TENFOLD_POSTGRES_MISSING/)
  // What PostgreSQL itself refuses, too.
  for (const node of ['c0', 'c0-pg-2'])
    appendFileSync(join(here.data, 'pg', node, 'postgresql.auto.conf'), 'of no use\n')
  const refused = await here.run(flags)
  assert.equal(refused.code, 1)
  assert.match(refused.err, /of no use|postgresql\.auto\.conf/)
})

test('stage `single` does not wait for the replicas of the primary that it adopts', async (t) => {
  const here = place(t)
  const system = await here.start(REPLICATED)
  await until('its replica counts', async () =>
    (await system.status()).state === 'ready' ? true : undefined,
  )
  const { server, guard } = readOwner(here.data)
  const [primary, replica] = [await system.pidOf('c0-pg-1'), await system.pidOf('c0-pg-2')]
  for (const pid of [guard!.pid, server!.pid, replica]) signal(pid, 'SIGKILL')
  await until('the end of the supervisor', () => (runs(server!.pid) ? undefined : true))
  const next = await here.start()
  assert.equal(await next.pidOf('c0-pg-1'), primary)
  const { status } = await within(next.post('/a'), 'a write', 8_000)
  assert.equal(status, 200)
})
