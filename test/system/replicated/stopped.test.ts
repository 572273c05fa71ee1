import assert from 'node:assert/strict'
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { type ClusterRecord, readClusterRecord } from '../../../src/data/failover/record.ts'
import { readOwner } from '../../../src/supervisor/owner-notes.ts'
import { kill, type Place, place, type Running, runs } from '../cli/kit.ts'
import { until, within } from '../kit/deadline.ts'

const REPLICATED = ['--stage', 'replicated', '--replicas', '1']

const recordOf = ({ data }: Place): ClusterRecord => readClusterRecord(join(data, 'clusters', 'c0.json'))!

/** Of a server that must not be started any more: PostgreSQL's own word for a folder without it is that it is damaged. */
const damage = ({ data }: Place): void => rmSync(join(data, 'pg', 'c0', 'global', 'pg_control'))

/** As `tenfold start` with these flags, which is not to succeed. */
const refused = async (here: Place, flags: readonly string[]): Promise<string> => {
  const ports = ['--port', '0', '--console-port', '0']
  const { code, err } = await here.run(['start', '--data', here.data, ...ports, ...flags])
  assert.equal(code, 1)
  return err
}

/** Writes once, waits until the replica counts, and stops in order. */
async function written(here: Place): Promise<void> {
  const system = await here.start(REPLICATED)
  assert.deepEqual(await (await system.post('/a')).json(), { value: 1 })
  await counted(system)
  await stop(system)
}

const counted = (system: Running): Promise<unknown> =>
  until('its replica counts', async () => ((await system.status()).state === 'ready' ? true : undefined))

async function stop(system: Running): Promise<void> {
  system.guard.child.kill('SIGINT')
  await within(system.guard.ended, 'the end')
}

const value = async (system: Running): Promise<unknown> => (await system.get('/a')).json()

test('a command that only reads, or that cannot start the primary, leaves the replicas as good as they were', async (t) => {
  const here = place(t)
  await written(here)
  const before = recordOf(here)
  assert.deepEqual(before.synchronous, ['c0-pg-2'])
  const read = await here.run(['sql', '--data', here.data, '--json', '-c', 'table counters'])
  assert.match(read.out, /"value":1/, read.err)
  const examined = await here.run(['doctor', '--data', here.data])
  assert.match(examined.out, /each has its fence/)
  assert.deepEqual(recordOf(here), before)
  // Whoever gets around the session's setting is refused by the server's, and nothing is acknowledged without a replica.
  const sly = 'set default_transaction_read_only to default; update counters set value = 9'
  assert.match((await here.run(['sql', '--data', here.data, '-c', sly])).err, /SQLSTATE 25006/)
  const names = await here.run(['sql', '--data', here.data, '-c', 'show synchronous_standby_names'])
  assert.match(names.out, /ANY 1 \("c0-pg-2"\)/)

  damage(here)
  const change = ['sql', '--data', here.data, '--write', '-c', 'update counters set value = 9']
  for (const args of [['sql', '--data', here.data, '-c', 'select 1'], change])
    assert.equal((await here.run(args)).code, 1)
  assert.match(await refused(here, ['--stage', 'single']), /pg_control/)
  assert.deepEqual(recordOf(here), before)

  const system = await here.start(REPLICATED)
  assert.deepEqual(await value(system), { value: 1 })
  assert.equal((await system.status()).nodes.find(({ role }) => role === 'primary')?.id, 'c0-pg-2')
})

/** What a command has written: the fence keeps it from rows. */
async function remark(here: Place, text: string): Promise<void> {
  const sql = `comment on table counters is '${text}'`
  const { code, err } = await here.run(['sql', '--data', here.data, '--write', '-c', sql])
  assert.equal(code, 0, err)
}

async function remarked(here: Place): Promise<string> {
  const sql = "select obj_description('counters'::regclass) as remark"
  return (await here.run(['sql', '--data', here.data, '--json', '-c', sql])).out
}

test('a command that writes has its replicas catch up, and none takes over without what it wrote', async (t) => {
  const here = place(t)
  await written(here)
  await remark(here, 'first')
  const { synchronous, named, building } = recordOf(here)
  assert.deepEqual({ synchronous, named, building }, { synchronous: [], named: [], building: [] })
  const system = await here.start(REPLICATED)
  await counted(system)
  const log = readFileSync(join(here.data, 'logs', 'server.log'), 'utf8')
  assert.equal(log.split('a replica was made').length, 2, 'it was copied once, at the first start')
  await stop(system)

  await remark(here, 'second')
  damage(here)
  assert.match(await refused(here, REPLICATED), /TENFOLD_CLUSTER_LOST/)
  // Where that is chosen it does take over, without the last change.
  const again = await here.start([...REPLICATED, '--durability', 'available'])
  assert.deepEqual(await value(again), { value: 1 })
  assert.match(await remarked(here), /first/)
})

test('a command does not take the folder of a system that its guard is about to start again', async (t) => {
  const here = place(t)
  const system = await here.start()
  const { server, guard } = readOwner(here.data)
  const postgres = await system.pidOf('c0-pg-1')
  kill(guard!.pid, 'SIGSTOP')
  for (const pid of [server!.pid, postgres]) kill(pid)
  await until('both have ended', () => (runs(server!.pid) || runs(postgres) ? undefined : true))
  const read = ['sql', '--data', here.data, '-c', 'select 1']
  const { code, err } = await here.run(read)
  assert.equal(code, 1)
  assert.match(err, new RegExp(`guard \\(process ${guard!.pid}\\)[^]*TENFOLD_OPERATION_REFUSED`))
  kill(guard!.pid, 'SIGCONT')
  await system.guard.shows(/ready again/, 'err')
  assert.equal((await here.run(read)).code, 0)
})
