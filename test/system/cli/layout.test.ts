import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { readClusterRecord, writeClusterRecord } from '../../../src/data/failover/record.ts'
import { processesIn } from '../../../src/data/postgres/process.ts'
import { killOwners, place, runs } from './kit.ts'

test('the next start with fewer workers ends those that a killed system left running', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'split', '--workers', '2'])
  const workers = [await system.pidOf('worker-1'), await system.pidOf('worker-2')]
  await killOwners(here, system)
  assert.deepEqual(workers.map(runs), [true, true])
  const next = await here.start(['--stage', 'split'])
  assert.deepEqual(workers.map(runs), [false, false])
  assert.deepEqual(await (await next.post('/a')).json(), { value: 1 })
})

test('a replica whose removal was cut short by a kill does not run on', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'replicated', '--replicas', '1'])
  const replica = await system.pidOf('c0-pg-2')
  await killOwners(here, system)
  // As `scale` leaves it just before it ends the server.
  const file = join(here.data, 'clusters', 'c0.json')
  const record = readClusterRecord(file)!
  writeClusterRecord(file, { ...record, nodes: ['c0-pg-1'], synchronous: [], named: [] })
  await here.start(['--stage', 'replicated', '--replicas', '0'])
  assert.equal(runs(replica), false)
})

test('stage `single` ends what a killed replicated system left running, and waits for no replica', async (t) => {
  const here = place(t)
  const system = await here.start(['--stage', 'replicated', '--replicas', '1', '--workers', '1'])
  await system.post('/a')
  const primary = await system.pidOf('c0-pg-1')
  const others = [
    await system.pidOf('web-1'),
    await system.pidOf('relay-1'),
    await system.pidOf('worker-1'),
    await system.pidOf('c0-pg-2'),
  ]
  await killOwners(here, system)
  // On the port that the old web node still has.
  const next = await here.start(['--port', new URL(system.url).port])
  assert.deepEqual(others.map(runs), [false, false, false, false])
  assert.deepEqual(processesIn(join(here.data, 'pg', 'c0-pg-2')), [])
  assert.equal(await next.pidOf('c0-pg-1'), primary)
  assert.deepEqual(await (await next.post('/a')).json(), { value: 2 })
})
