import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readOwner } from '../../../src/supervisor/owner-notes.ts'
import { until, within } from '../kit/deadline.ts'
import { kill, killOwners, type Place, place, type Running, runs } from './kit.ts'

const serverPid = ({ data }: Place): number | undefined => readOwner(data).server?.pid

/** Kills the server as soon as it is there, until the guard waits for more than a second. */
async function untilGuardWaits(here: Place, { guard }: Running): Promise<void> {
  let last: number | undefined
  for (let deaths = 1; deaths <= 6; deaths++) {
    last = await until('a server', () => {
      const now = serverPid(here)
      return now === last ? undefined : now
    })
    kill(last)
    await guard.shows(new RegExp(`(the server process ended[\\s\\S]*){${deaths}}`), 'err')
  }
}

const nodePids = async (system: Running): Promise<number[]> =>
  (await system.status()).nodes.flatMap(({ pid }) => pid ?? [])

const stopBy = {
  'Ctrl-C': (_: Place, { guard }: Running) => void guard.child.kill('SIGINT'),
  'tenfold stop': async (here: Place) => {
    const { code, err } = await here.run(['stop', '--data', here.data])
    assert.equal(code, 0, err)
  },
}

for (const [stage, how] of [
  ['single', 'Ctrl-C'],
  ['split', 'tenfold stop'],
] as const) {
  test(`${how} while the guard waits to start the server again ends what runs at stage \`${stage}\``, async (t) => {
    const here = place(t)
    const system = await here.start(['--stage', stage])
    const pids = (await nodePids(system)).filter((pid) => pid !== serverPid(here))
    await untilGuardWaits(here, system)
    assert.ok(pids.length > 0 && pids.every(runs))
    await stopBy[how](here, system)
    assert.equal((await within(system.guard.ended, 'the guard')).code, 0)
    assert.deepEqual(pids.filter(runs), [])
  })
}

test('Ctrl-C while the next supervisor starts ends also those whom it has not adopted yet', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'split', '--workers', '2'])
  const pids = await nodePids(system)
  const before = serverPid(here)!
  kill(before)
  await until('the next supervisor', () => {
    const now = serverPid(here)
    return (now !== undefined && now !== before) || undefined
  })
  system.guard.child.kill('SIGINT')
  assert.equal((await within(system.guard.ended, 'the guard')).code, 0)
  assert.deepEqual(pids.filter(runs), [])
})

test('a supervisor that dies in the midst of a stop leaves nothing running', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'split'])
  const pids = await nodePids(system)
  const web = await system.pidOf('web-1')
  // The stop waits for it.
  kill(web, 'SIGSTOP')
  system.guard.child.kill('SIGINT')
  await until('the stop', async () => (await system.status()).state === 'stopping' || undefined)
  kill(serverPid(here)!)
  kill(web, 'SIGCONT')
  assert.equal((await within(system.guard.ended, 'the guard')).code, 0)
  assert.deepEqual(pids.filter(runs), [])
})

test('`tenfold stop` ends what guard and supervisor have left when both were killed', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'split'])
  const pids = await nodePids(system)
  await killOwners(here, system)
  const { code, err } = await here.run(['stop', '--data', here.data])
  assert.equal(code, 0, err)
  for (const pid of pids) assert.match(err, new RegExp(`process ${pid}\\b`))
  assert.deepEqual(pids.filter(runs), [])
  assert.match((await here.run(['stop', '--data', here.data])).err, /TENFOLD_NOT_RUNNING/)
})
