import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { z } from 'zod'
import { silentLogger } from '../core/log.ts'
import type { ClusterOptions } from '../data/client/types.ts'
import { prepareData } from '../data/prepare.ts'
import type { RelayAddress } from '../effects/index.ts'
import { testDatabase } from '../testing/postgres.ts'
import { createRuntime } from './compose.ts'
import { tenfold } from './define.ts'
import { createRelayNode, type RelayNode } from './relay-node.ts'
import type { Runtime } from './runtime.ts'
import type { AppDefinition, SystemOf } from './types.ts'

const LONG = process.env.TENFOLD_TEST_LONG === '1'

interface Schema {
  users: { id: string; name: string }
  notes: { id: string; owner_id: string; text: string }
}
const SECRET = Buffer.alloc(32, 'relay')
const kit = tenfold<Schema>()({
  keys: { user: { type: 'bigint', columns: { users: 'id', notes: 'owner_id' } } },
})
const nameOf = kit.cacheKey('nameOf', (id: number) => [id])
const rename = kit.job('rename', {
  input: z.object({ id: z.number(), name: z.string() }),
  run: async (job) => {
    const { id, name } = job.input
    await job.write('rename', async (tx) => {
      await tx.query('update users set name = $2 where id = $1', [id, name])
      tx.invalidate(nameOf(id))
    })
  },
})
const definition = kit.app({
  name: 'followed',
  migrations: new URL('../testing/fixture/migrations/', import.meta.url),
  jobs: [rename],
  fetch: () => () => new Response(),
})

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'tf-relay-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

async function databases(t: TestContext, count: number): Promise<ClusterOptions[]> {
  const made = await Promise.all(Array.from({ length: count }, () => testDatabase()))
  for (const { drop } of made) t.after(drop)
  const clusters = made.map(({ connection }, at) => ({ name: `c${at}`, connection }))
  const { placing, options } = definition as unknown as AppDefinition
  await prepareData({ clusters, placing, migrations: options.migrations, log: silentLogger })
  return clusters
}

async function startNode(
  t: TestContext,
  clusters: readonly ClusterOptions[],
  listen: RelayAddress,
): Promise<RelayNode> {
  const node = createRelayNode({ clusters, listen: [listen], secret: SECRET, log: silentLogger })
  t.after(() => node.stop())
  await node.start()
  return node
}

/** One process of the application, which follows a relay. */
async function startApp(
  t: TestContext,
  clusters: readonly ClusterOptions[],
  address: RelayAddress,
  runJobs: boolean,
): Promise<{ readonly runtime: Runtime; readonly system: SystemOf<typeof kit> }> {
  const runtime = createRuntime(definition as unknown as AppDefinition, {
    clusters,
    signingKeys: [Buffer.alloc(32, 'key')],
    log: silentLogger,
    secureCookies: false,
    connectionsMax: 4,
    runJobs,
    relay: { addresses: [address], secret: SECRET },
  })
  t.after(() => runtime.stop())
  await runtime.start()
  return { runtime, system: runtime.system as never }
}

const IDS = [1, 2, 3, 4, 5, 6]

for (const count of LONG ? [1, 2] : [2])
  test(`two processes with caches, one of which works, follow one relay, on ${count} cluster(s)`, async (t) => {
    const clusters = await databases(t, count)
    const address = { socketPath: join(folder(t), 'relay') }
    const web = await startApp(t, clusters, address, false)
    const worker = await startApp(t, clusters, address, true)
    assert.deepEqual(await web.runtime.ready(), { ready: true }, 'without a relay')
    const loads = new Map<unknown, number>()
    const read = (of: typeof web, id: number) =>
      of.system.shard.user(id).cached(nameOf(id), {}, async (db) => {
        loads.set(of, (loads.get(of) ?? 0) + 1)
        return (await db.selectFrom('users').select('name').where('id', '=', String(id)).executeTakeFirst())
          ?.name
      })
    const hit = async (of: typeof web, id: number): Promise<void> => {
      for (let before = -1; before !== loads.get(of); ) {
        before = loads.get(of) ?? 0
        await read(of, id)
      }
    }
    for (const id of IDS) {
      await web.system.shard.user(id).write(`add ${id}`, async (tx) => {
        await tx.query('insert into users (id, name) values ($1, $2)', [id, 'first'])
        tx.invalidate(nameOf(id))
      })
      assert.equal(await read(web, id), 'first', 'bypassed, and right')
    }
    const node = await startNode(t, clusters, address)
    for (const id of IDS) for (const one of [web, worker]) await hit(one, id)
    // By jobs that the web process records and the other runs; and that the other records and is handed.
    for (const [name, from] of [
      ['by job', web],
      ['handed over', worker],
    ] as const) {
      for (const id of IDS)
        await from.system.shard
          .user(id)
          .write(`ask ${id} ${name}`, async (tx) => void tx.enqueue(rename, { id, name }))
      for (const id of IDS)
        for (const one of [web, worker]) while ((await read(one, id)) !== name) assert.ok(await read(one, id))
    }
    for (const id of IDS) await hit(web, id)
    for (const { name } of clusters) {
      assert.equal(node.status()[name]?.leads, true)
      const { leads, position, ageMs, pendingEffects } = web.runtime.relay()[name]!
      assert.deepEqual([leads, pendingEffects], [false, null])
      assert.ok(position !== null && ageMs !== null && ageMs < 2_000, String(ageMs))
    }
    const [followed, own] = await Promise.all([web.runtime.metricsText(), node.metricsText()])
    assert.match(followed, /^tenfold_relay_followed\{cluster="c0"\} 1$/m)
    assert.match(own, /^tenfold_relay_subscribers 2$/m)
    assert.match(own, /^tenfold_relay_leading\{cluster="c0"\} 1$/m)
  })

test('over TCP, with the secret', async (t) => {
  const clusters = await databases(t, 1)
  const node = await startNode(t, clusters, { port: 0 })
  const [address] = node.addresses
  assert.ok(address && 'port' in address && address.port > 0)
  const { runtime } = await startApp(t, clusters, address, false)
  while (runtime.relay().c0?.position === null) assert.ok((await runtime.ready()).ready)
})

test('a socket is for its user alone; a place that is taken is refused', async (t) => {
  const clusters = await databases(t, 1)
  const socketPath = join(folder(t), 'relay')
  const node = await startNode(t, clusters, { socketPath })
  assert.equal(statSync(socketPath).mode & 0o777, 0o600)
  const second = createRelayNode({ clusters, listen: [{ socketPath }], log: silentLogger })
  await assert.rejects(second.start(), { code: 'TENFOLD_ADDRESS_TAKEN' })
  await second.stop()
  await node.stop()
  await node.stop()
  const third = createRelayNode({ clusters, listen: [{ socketPath }], log: silentLogger })
  t.after(() => third.stop())
  await third.start()
})

test('what would let anybody read or forge effects is refused', () => {
  const options = { clusters: [], log: silentLogger }
  assert.throws(
    () => createRelayNode({ ...options, listen: [{ port: 0 }] }),
    /tcp:\/\/127.0.0.1:0 needs a secret/,
  )
  assert.throws(
    () => createRelayNode({ ...options, listen: [], secret: Buffer.alloc(31) }),
    /has 31 bytes; 32 is the least/,
  )
})

test('a relay starts without a database, and ends while it waits for one', async (t) => {
  const silent = createServer()
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as { port: number }
  const connection = { host: '127.0.0.1', port, user: 'nobody', password: '', database: 'none' }
  const node = await startNode(t, [{ name: 'c0', connection }], { socketPath: join(folder(t), 'relay') })
  assert.equal(node.status().c0?.leads, false)
  const ended = new Promise((resolve) => silent.close(resolve))
  silent.on('connection', (socket) => socket.destroy())
  await node.stop()
  await ended
})
