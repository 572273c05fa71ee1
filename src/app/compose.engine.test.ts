import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { silentLogger } from '../core/log.ts'
import type { ConnectionOptions } from '../data/client/types.ts'
import { prepareData } from '../data/prepare.ts'
import { testDatabase } from '../testing/postgres.ts'
import { createRuntime } from './compose.ts'
import { tenfold } from './define.ts'
import type { Runtime } from './runtime.ts'
import type { AppDefinition, Placing, System } from './types.ts'

interface Schema {
  notes: { text: string }
}
type Fetch = (system: System<Schema, Placing<Schema>>, request: Request) => Promise<Response>

const DRAIN_MS = 200
/** Of work that is cut: it is tried again until then, which a stop does not wait for. */
const DEADLINE_MS = 3_000

/** A runtime on a server of the test's own, as somebody mounts it who does not use ours. */
async function mounted(
  t: TestContext,
  answer: Fetch,
): Promise<{ runtime: Runtime; url: string; connection: ConnectionOptions }> {
  const { connection, drop } = await testDatabase()
  const folder = mkdtempSync(join(tmpdir(), 'tenfold-compose-'))
  writeFileSync(join(folder, '0001_notes.sql'), 'create table notes (text text not null);\n')
  const migrations = pathToFileURL(`${folder}/`)
  const definition = tenfold<Schema>()({ keys: {} }).app({
    name: 'notes',
    migrations,
    fetch: (system) => (request) => answer(system as never, request),
  }) as unknown as AppDefinition
  const clusters = [{ name: 'c0', connection }]
  await prepareData({ clusters, placing: definition.placing, migrations, log: silentLogger })
  const runtime = createRuntime(definition, {
    clusters,
    signingKeys: [Buffer.alloc(32, 'compose')],
    log: silentLogger,
    secureCookies: false,
    drainMs: DRAIN_MS,
  })
  await runtime.start()
  const server = createServer(runtime.listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await runtime.stop()
    await drop()
    rmSync(folder, { recursive: true })
  })
  return { runtime, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, connection }
}

const stuck: Record<
  string,
  (system: System<Schema, Placing<Schema>>, begun: () => void, held: Promise<void>) => Promise<unknown>
> = {
  'in the application': async (_, begun, held) => {
    begun()
    await held
  },
  'in a read': (system, begun, held) =>
    system.home.read(
      async (db) => {
        await db.query('select 1')
        begun()
        await held
      },
      { snapshot: true },
    ),
  'in a write': (system, begun, held) =>
    system.home.write(
      'note',
      async (tx) => {
        await tx.query(`insert into notes values ('half')`)
        begun()
        await held
        return null
      },
      { deadlineMs: DEADLINE_MS },
    ),
  'in a statement': (system, begun) =>
    system.home.read(
      async (db) => {
        const slept = db.query('select pg_sleep(60)')
        begun()
        await slept
      },
      { deadlineMs: DEADLINE_MS },
    ),
}

for (const [where, work] of Object.entries(stuck)) {
  test(`a request that is stuck ${where} does not block a stop`, async (t) => {
    const begun = Promise.withResolvers<void>()
    const held = Promise.withResolvers<void>()
    // Not before the test is over: lets the deadlines go that were set for the work.
    t.after(() => held.resolve())
    const { runtime, url, connection } = await mounted(t, async (system) => {
      await work(system, begun.resolve, held.promise)
      return new Response()
    })
    const answered = fetch(url)
    await begun.promise
    const since = performance.now()
    await runtime.stop()
    const ms = performance.now() - since
    assert.ok(ms >= DRAIN_MS && ms < DEADLINE_MS, `${Math.round(ms)} ms`)
    const answer = await answered
    assert.equal(answer.status, 503)
    assert.equal(((await answer.json()) as { code: string }).code, 'TENFOLD_SERVER_STOPPING')
    const client = new pg.Client(connection)
    await client.connect()
    const { rows } = await client.query('select * from notes')
    await client.end()
    assert.deepEqual(rows, [], 'what was cut is rolled back')
  })
}

test('a stop waits for a request that ends in time', async (t) => {
  const begun = Promise.withResolvers<void>()
  const finish = Promise.withResolvers<void>()
  const { runtime, url } = await mounted(t, async () => {
    begun.resolve()
    await finish.promise
    return new Response('done')
  })
  const answered = fetch(url)
  await begun.promise
  const stopped = runtime.stop()
  finish.resolve()
  assert.equal(await (await answered).text(), 'done')
  await stopped
})
