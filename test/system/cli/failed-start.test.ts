import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { readNode } from '../../../src/supervisor/nodes/node-notes.ts'
import { readOwner } from '../../../src/supervisor/owner-notes.ts'
import { until } from '../kit/deadline.ts'
import { type CommandOptions, kill, killOwners, type Place, place, type Running, runs } from './kit.ts'

const startOn = (here: Place, port: string, flags: string[], options?: CommandOptions) =>
  here.run(['start', '--data', here.data, '--port', port, '--console-port', '0', ...flags], options)

/** @returns what mends it */
function breakApp({ app }: Place): () => void {
  const file = join(app, 'app.ts')
  const whole = readFileSync(file, 'utf8')
  appendFileSync(file, 'syntax error here\n')
  return () => writeFileSync(file, whole)
}

const answersAgain = (system: Running): Promise<true> =>
  until('an answer', () =>
    system.get('/version').then(
      ({ ok }) => ok || undefined,
      () => undefined,
    ),
  )

/** The workers, too, which are started when the application serves. */
const allReady = (system: Running): Promise<true> =>
  until('all nodes', async () => (await system.status()).state === 'ready' || undefined)

test('a start on a port that is taken is refused, and what a killed system left running serves on', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'split'])
  const pids = [await system.pidOf('web-1'), await system.pidOf('relay-1'), await system.pidOf('c0-pg-1')]
  await killOwners(here, system)
  const other = createServer().listen(0, '127.0.0.1')
  t.after(() => other.close())
  await once(other, 'listening')
  const { code, err } = await startOn(here, `${(other.address() as AddressInfo).port}`, ['--stage', 'split'])
  assert.equal(code, 1)
  assert.match(err, /TENFOLD_ADDRESS_TAKEN/)
  assert.deepEqual(pids.map(runs), [true, true, true])
  assert.equal((await system.post('/a')).status, 200)
  // Its own port is not taken.
  const next = await here.start(['--stage', 'split', '--port', new URL(system.url).port])
  assert.deepEqual(await (await next.post('/a')).json(), { value: 2 })
})

for (const stage of ['single', 'split']) {
  test(`a start at stage \`${stage}\` that fails by the app does not end the PostgreSQL that it has adopted`, async (t) => {
    const here = place(t)
    const system = await here.start(['--stage', stage])
    const postgres = await system.pidOf('c0-pg-1')
    await killOwners(here, system)
    const mend = breakApp(here)
    // With other settings the web node cannot be adopted.
    const env = { TENFOLD_UNRESPONSIVE_SECONDS: '29' }
    const { code, err } = await startOn(here, '0', ['--stage', stage], { env })
    assert.equal(code, 1)
    assert.match(err, /TENFOLD_APP_BROKEN/)
    assert.equal(runs(postgres), true)
    mend()
    await here.start(['--stage', stage])
  })
}

test('a server that cannot start again while the app is broken leaves PostgreSQL alone', async (t) => {
  const here = place(t)
  const system = await here.start()
  const postgres = await system.pidOf('c0-pg-1')
  const mend = breakApp(here)
  kill(await system.pidOf('web-1'))
  await system.guard.shows(/(TENFOLD_APP_BROKEN[\s\S]*){2}/, 'err')
  assert.equal(runs(postgres), true)
  mend()
  await answersAgain(system)
  assert.equal(await system.pidOf('c0-pg-1'), postgres)
})

test('the next supervisor keeps the other nodes while the app is broken, and serves once it is mended', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'split', '--workers', '1'])
  await allReady(system)
  const others = [await system.pidOf('c0-pg-1'), await system.pidOf('worker-1')]
  const supervisor = readOwner(here.data).server!.pid
  const mend = breakApp(here)
  kill(await system.pidOf('web-1'))
  kill(supervisor)
  const tried = new Set<number>()
  await until('three attempts of the next one', () => {
    const now = readOwner(here.data).server
    const web = readNode(here.data, 'web-1')
    if (now !== undefined && now.pid !== supervisor && web !== undefined) tried.add(web.pid)
    return tried.size >= 3 || undefined
  })
  assert.deepEqual(others.map(runs), [true, true])
  mend()
  await answersAgain(system)
  await allReady(system)
  assert.deepEqual([await system.pidOf('c0-pg-1'), await system.pidOf('worker-1')], others)
})
