import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type pg from 'pg'
import { systemClock } from '../../../src/core/clock.ts'
import { connect, destroy } from '../../../src/data/postgres/database.ts'
import { endPostmaster } from '../../../src/data/postgres/end.ts'
import { identify, processesIn, signal } from '../../../src/data/postgres/process.ts'
import { within } from '../kit/deadline.ts'
import { LONG } from '../kit/seed.ts'
import { rejection, scratch, sql, until } from './kit.ts'

const BUSY = 'select count(*) from generate_series(1, 100000000000)'

/** SIGKILL to it is on its way as long as this holds, as with a process in a write to a disk that hangs. */
function undelivered(t: TestContext, pid: number): { end(): void } {
  const kill = process.kill.bind(process)
  const mock = t.mock.method(process, 'kill', (to: number, name: NodeJS.Signals) =>
    to === pid && name === 'SIGKILL' ? true : kill(to, name),
  )
  const held = identify(pid)!
  t.after(() => {
    mock.mock.restore()
    signal(held, 'SIGKILL')
  })
  return { end: () => mock.mock.restore() }
}

const pids = (dataDir: string): number[] => processesIn(dataDir).map(({ pid }) => pid)

async function sessions(t: TestContext, server: Parameters<typeof connect>[0]): Promise<pg.Client[]> {
  const clients = await Promise.all(Array.from({ length: 3 }, () => connect(server)))
  t.after(() => clients.forEach(destroy))
  return clients
}

test('a postmaster that SIGKILL does not end: none of its sessions answers, and nothing starts beside it', {
  skip: !LONG && 'in the long form',
}, async (t) => {
  const place = scratch(t)
  const first = place.server()
  await first.start()
  await sql(first, 'create table kept as select 1 as one')
  const [busy, ...idle] = await sessions(t, first)
  const lost = rejection(busy!.query(BUSY))
  const pid = first.pid!
  process.kill(pid, 'SIGSTOP')
  const lingers = undelivered(t, pid)
  await first.stop({ mode: 'kill' })
  assert.deepEqual(pids(place.dataDir), [pid])
  await within(lost, 'its end', 8_000)
  for (const client of idle) await rejection(client.query('insert into kept values (2)'))

  const { code, remedy } = await rejection(place.server().start())
  assert.equal(code, 'TENFOLD_POSTGRES_LINGERS')
  assert.ok(remedy)
  assert.deepEqual(pids(place.dataDir), [pid])
  assert.ok(existsSync(join(place.dataDir, 'postmaster.pid')), 'what PostgreSQL itself is warned by')

  lingers.end()
  const next = place.server()
  await next.start()
  assert.deepEqual(await sql(next, 'select one from kept'), [{ one: 1 }])
})

test('a session that SIGKILL does not end: nothing starts beside it', async (t) => {
  const place = scratch(t)
  const first = place.server()
  await first.start()
  const [stuck] = await sessions(t, first)
  const { pid } = (await stuck!.query('select pg_backend_pid() as pid')).rows[0]
  process.kill(pid, 'SIGSTOP')
  const lingers = undelivered(t, pid)
  await first.stop({ mode: 'kill' })
  assert.deepEqual(pids(place.dataDir), [pid])

  const { code } = await rejection(place.server().start())
  assert.equal(code, 'TENFOLD_POSTGRES_LINGERS')
  assert.ok(existsSync(join(place.dataDir, 'postmaster.pid')))

  lingers.end()
  const next = place.server()
  await next.start()
  assert.deepEqual(await sql(next, 'select 1 as one'), [{ one: 1 }])
})

test('a stop that becomes SIGKILL on its way ends all sessions at once', async (t) => {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  const [busy] = await sessions(t, server)
  const lost = rejection(busy!.query(BUSY))
  const pid = server.pid!
  process.kill(pid, 'SIGSTOP')
  const lingers = undelivered(t, pid)
  const stopped = server.stop()
  void server.stop({ mode: 'kill' })
  await within(lost, 'its end', 8_000)
  await until('it is alone', () => pids(place.dataDir).length === 1)
  assert.deepEqual([server.state, pids(place.dataDir)], ['stopping', [pid]])
  lingers.end()
  process.kill(pid, 'SIGKILL')
  await stopped
})

test('all processes of the folder are ended, whatever is thought to be its postmaster', async (t) => {
  const place = scratch(t)
  const server = place.server()
  await server.start()
  const [busy] = await sessions(t, server)
  const lost = rejection(busy!.query(BUSY))
  const never = {
    identity: { pid: server.pid!, started: 'another time' },
    gone: new Promise<never>(() => {}),
  }
  await endPostmaster(never, 'kill', place.dataDir, systemClock)
  await within(lost, 'its end', 8_000)
  assert.deepEqual(pids(place.dataDir), [])
})
