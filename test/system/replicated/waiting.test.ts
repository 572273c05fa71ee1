import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import pg from 'pg'
import { runs } from '../cli/kit.ts'
import { until } from '../kit/deadline.ts'
import { insist } from '../kit/insist.ts'
import { Dice } from '../kit/seed.ts'
import { ServerProcess } from '../kit/server.ts'
import { signal } from '../kit/signal.ts'
import { wholeServer } from './nemesis.ts'

/** Milliseconds that a write waits for its database, and what an answer may take beyond. */
const [DEADLINE_MS, BEYOND_MS] = [10_000, 3_000]
const KEY = '7'

type Headers = Readonly<Record<string, string>>

const append = (server: ServerProcess, element: string, headers: Headers = {}): Promise<Response> =>
  fetch(`${server.url}/op`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ type: 'append', key: KEY, element }),
  })

/** Until it is answered, under the same key. */
async function again(server: ServerProcess, element: string, headers: Headers): Promise<void> {
  const reply = await insist(() => append(server, element, headers), {
    dice: new Dice(1),
    troubles: new Map(),
  })
  assert.equal(reply?.status, 200, reply?.body)
}

/** What the primary holds, sorted. */
async function elements(server: ServerProcess): Promise<string[]> {
  const [connection] = await server.connections()
  const client = new pg.Client(connection!)
  await client.connect()
  try {
    const { rows } = await client.query('select element from elements where list_id = $1', [KEY])
    return rows.map(({ element }) => element).toSorted()
  } finally {
    await client.end()
  }
}

interface Refusal {
  readonly code: string
  readonly outcome: string | undefined
}

/** A 503 that came about when it should, and tells when to come again. */
async function refusal(asked: Promise<Response>): Promise<Refusal> {
  const startedAt = performance.now()
  const response = await asked
  const body = await response.text()
  const ms = performance.now() - startedAt
  assert.equal(response.status, 503, body)
  assert.ok(ms > DEADLINE_MS - 1_000 && ms < DEADLINE_MS + BEYOND_MS, `${ms} ms`)
  assert.ok(Number(response.headers.get('retry-after')) > 0)
  const { code } = JSON.parse(body)
  return { code, outcome: /not applied|outcome unknown/.exec(body)?.[0] }
}

/** Stops processes, until the test ends at the latest. @returns what lets them go on */
function stop(t: TestContext, pids: readonly number[]): () => void {
  const goOn = (): void => {
    for (const pid of pids) signal(pid, 'SIGCONT')
  }
  t.after(goOn)
  for (const pid of pids) signal(pid, 'SIGSTOP')
  return goOn
}

/** Stops who could repair what follows, and the standbys. */
async function withoutStandbys(t: TestContext, server: ServerProcess): Promise<() => void> {
  const replicas = (await server.ready()).nodes.filter(({ role }) => role === 'replica')
  return stop(t, [server.supervisor!, ...replicas.flatMap((node) => wholeServer(server, node))])
}

/** The session whose COMMIT waits for a standby, other than `but`. */
const waiting = (primary: pg.Client, but = 0): Promise<number> =>
  until('a COMMIT that waits', async () => {
    const { rows } = await primary.query<{ pid: number }>(
      `select pid from pg_stat_activity where datname = current_database() and application_name = 'tenfold'
       and wait_event = 'SyncRep' and pid <> $1`,
      [but],
    )
    return rows[0]?.pid
  })

/** In order, on one system. */
const STEPS: Readonly<Record<string, (t: TestContext, server: ServerProcess) => Promise<void>>> = {
  'a COMMIT that is ended as it waits for its standby is not acknowledged (FAULTS case 6)': async (
    t,
    server,
  ) => {
    const [connection] = await server.connections()
    const primary = new pg.Client(connection!)
    await primary.connect()
    t.after(() => primary.end())
    primary.on('error', () => {}) // it ends with its server
    for (const end of ['pg_cancel_backend', 'pg_terminate_backend']) {
      const goOn = await withoutStandbys(t, server)
      let answered = false
      const asked = append(server, end).finally(() => {
        answered = true
      })
      const first = await waiting(primary)
      await primary.query(`select ${end}($1)`, [first])
      // What became of it is asked by another session, whose own COMMIT has to wait, too.
      await waiting(primary, first)
      assert.ok(!answered, `${end}: acknowledged without a standby`)
      goOn()
      assert.equal((await asked).status, 200)
    }
    assert.deepEqual(await elements(server), ['pg_cancel_backend', 'pg_terminate_backend'])
  },
  'no standby: it may be there': async (t, server) => {
    const before = await elements(server)
    const goOn = await withoutStandbys(t, server)
    const headers = { 'idempotency-key': randomUUID() }
    const [plain, keyed] = await Promise.all([
      refusal(append(server, 'no standby')),
      refusal(append(server, 'no standby, with a key', headers)),
    ])
    goOn()
    assert.deepEqual(plain, { code: 'TENFOLD_DATA_UNAVAILABLE', outcome: 'outcome unknown' })
    assert.deepEqual(keyed, plain)
    await again(server, 'no standby, with a key', headers)
    assert.deepEqual(await elements(server), [...before, 'no standby', 'no standby, with a key'].toSorted())
  },
  'no primary: it is not there': async (t, server) => {
    const before = await elements(server)
    const { nodes } = await server.ready()
    const goOn = stop(t, [server.supervisor!])
    const processes = wholeServer(server, nodes.find(({ role }) => role === 'primary')!)
    for (const pid of processes) signal(pid, 'SIGKILL')
    await until('the end of the primary', () => (processes.some(runs) ? undefined : true))
    const headers = { 'idempotency-key': randomUUID() }
    const [plain, keyed] = await Promise.all([
      refusal(append(server, 'no primary')),
      refusal(append(server, 'no primary, with a key', headers)),
    ])
    goOn()
    assert.deepEqual(plain, { code: 'TENFOLD_DATA_UNAVAILABLE', outcome: 'not applied' })
    // Nobody can tell whether it has been sent before.
    assert.deepEqual(keyed, { code: 'TENFOLD_DATA_UNAVAILABLE', outcome: 'outcome unknown' })
    await again(server, 'no primary, with a key', headers)
    assert.deepEqual(await elements(server), [...before, 'no primary, with a key'].toSorted())
  },
}

test('writes that nobody can finish: told in time what is known of them, and applied once', async (t) => {
  const server = await ServerProcess.start(t, {
    flags: ['--stage', 'replicated'],
    env: { TENFOLD_UNRESPONSIVE_SECONDS: '120' }, // the supervisor is stopped for longer than that is by default
  })
  for (const [name, step] of Object.entries(STEPS)) await t.test(name, (t) => step(t, server))
})
