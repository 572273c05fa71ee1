import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { askStatus, askStop } from '../../../src/supervisor/control-client.ts'
import { until, within } from '../kit/deadline.ts'
import { kill, place, type Running, runs } from './kit.ts'

const guardPid = (data: string): number =>
  (JSON.parse(readFileSync(join(data, 'guard.json'), 'utf8')) as { pid: number }).pid

/** Milliseconds until the application answers. */
async function backAfter(system: Running): Promise<number> {
  const since = performance.now()
  await until('an answer', () =>
    system.get('/version').then(
      (r) => (r.ok ? true : undefined),
      () => undefined,
    ),
  )
  return performance.now() - since
}

test('kill -9 of the server: back on the same port, PostgreSQL untouched, nothing lost', async (t) => {
  const here = place(t)
  const system = await here.start()
  await system.post('/a')
  const [web, postgres] = [await system.pidOf('web-1'), await system.pidOf('c0-pg-1')]
  kill(web)
  const ms = await backAfter(system)
  assert.ok(ms < BACK_MS, `back after ${Math.round(ms)} ms`)
  await system.guard.shows(/the server process ended \(SIGKILL\), starting again/, 'err')
  assert.deepEqual(await (await system.post('/a')).json(), { value: 2 })
  assert.notEqual(await system.pidOf('web-1'), web)
  assert.equal(await system.pidOf('c0-pg-1'), postgres)
})

test('kill -9 of PostgreSQL: writes in flight wait and succeed, each once', async (t) => {
  const here = place(t)
  const system = await here.start()
  await system.post('/a')
  const postgres = await system.pidOf('c0-pg-1')
  kill(postgres)
  const answers = await Promise.all(Array.from({ length: 10 }, () => system.post('/a')))
  assert.deepEqual(
    answers.map(({ status }) => status),
    Array(10).fill(200),
  )
  assert.deepEqual(await (await system.get('/a')).json(), { value: 11 })
  const { nodes } = await until('a healthy PostgreSQL', async () => {
    const status = await system.status()
    return status.state === 'ready' ? status : undefined
  })
  assert.notEqual(nodes.find(({ id }) => id === 'c0-pg-1')!.pid, postgres)
})

test('kill -9 of the guard: the server serves on, start says so, stop works', async (t) => {
  const here = place(t)
  const system = await here.start()
  const web = await system.pidOf('web-1')
  kill(guardPid(here.data))
  await system.guard.ended
  assert.deepEqual(await (await system.post('/a')).json(), { value: 1 })
  const second = await here.run(['start', '--data', here.data, '--port', '0', '--console-port', '0'])
  assert.equal(second.code, 1)
  assert.match(second.err, new RegExp(`process ${web}, ${system.url}`))
  assert.equal((await here.run(['stop', '--data', here.data])).code, 0)
  assert.equal(runs(web), false)
})

test('kill -9 of guard and server: the next start adopts PostgreSQL and says so', async (t) => {
  const here = place(t)
  const system = await here.start()
  await system.post('/a')
  const [web, postgres] = [await system.pidOf('web-1'), await system.pidOf('c0-pg-1')]
  kill(guardPid(here.data))
  kill(web)
  await system.guard.ended
  await until('the end of the server', () => (runs(web) ? undefined : true))
  const next = await here.start()
  assert.match(next.guard.so.err, new RegExp(`adopted the PostgreSQL \\(process ${postgres}\\)`))
  assert.equal(await next.pidOf('c0-pg-1'), postgres)
  assert.deepEqual(await (await next.get('/a')).json(), { value: 1 })
})

test('kill -9 of everything: the next start recovers what was acknowledged', async (t) => {
  const here = place(t)
  const system = await here.start()
  await system.post('/a')
  const pids = [guardPid(here.data), await system.pidOf('web-1'), await system.pidOf('c0-pg-1')]
  for (const pid of pids) kill(pid)
  await system.guard.ended
  const next = await here.start()
  assert.deepEqual(await (await next.get('/a')).json(), { value: 1 })
})

test('kill -9 of everything: a command does not take a stranger with an old process id for PostgreSQL', async (t) => {
  const here = place(t)
  const system = await here.start()
  await system.post('/a')
  const pids = [guardPid(here.data), await system.pidOf('web-1'), await system.pidOf('c0-pg-1')]
  for (const pid of pids) kill(pid)
  await until('the end of all', () => (pids.some(runs) ? undefined : true))
  // As after a start of the machine: the id is ours now.
  const file = join(here.data, 'pg', 'c0', 'postmaster.pid')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^\d+/, String(process.pid)))
  const { code, out, err } = await here.run(['sql', '--data', here.data, '--json', '-c', 'table counters'])
  assert.equal(code, 0, err)
  assert.match(out, /"value":1/)
})

test('a server that dies again and again is started ever more slowly, and stop ends the waiting', async (t) => {
  const here = place(t)
  const system = await here.start()
  for (let round = 1; round <= 3; round++) {
    kill(await system.pidOf('web-1'))
    await within(backAfter(system), 'the server')
  }
  kill(await system.pidOf('web-1'))
  // Perhaps in the midst of a wait, when there is no control socket.
  const stopped = await here.run(['stop', '--data', here.data])
  assert.equal(stopped.code, 0, stopped.err)
  await within(system.guard.ended, 'the guard')
  assert.equal((await here.run(['status', '--data', here.data])).code, 1)
})

test('a stop that finds a server starting again ends the guard, too', async (t) => {
  const here = place(t)
  const system = await here.start()
  const web = await system.pidOf('web-1')
  kill(web)
  await until('the next server, hardly begun', async () => {
    const status = await askStatus(here.data).catch(() => undefined)
    return status && status.nodes.find(({ id }) => id === 'web-1')?.pid !== web ? true : undefined
  })
  await askStop(here.data)
  assert.equal((await within(system.guard.ended, 'the guard', 10_000)).code, 0)
})

/** A second on a machine of its own; tests share theirs. */
const BACK_MS = 3_000
