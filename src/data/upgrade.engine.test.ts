import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { systemClock } from '../core/clock.ts'
import { createContextStorage } from '../core/context.ts'
import { silentLogger } from '../core/log.ts'
import { systemRandom } from '../core/random.ts'
import { testDatabase } from '../testing/postgres.ts'
import { PLACING } from './client/fixtures/fixture.ts'
import { DataClient } from './index.ts'
import { migrateClusters } from './migrations/index.ts'
import { prepareData } from './prepare.ts'

test('a database of the first release gets what came later, and keeps what it has', async (t) => {
  const [{ connection, drop }, folder] = await Promise.all([
    testDatabase(),
    mkdtemp(join(tmpdir(), 'tenfold-upgrade-')),
  ])
  const session = new pg.Client(connection)
  t.after(async () => {
    await session.end()
    await drop()
    await rm(folder, { recursive: true })
  })
  await session.connect()
  const clusters = [{ name: 'c0', connection }]
  const migrations = new URL('./client/fixtures/', import.meta.url)
  const first = '0001_tenfold.sql'
  await copyFile(new URL(`./schema/${first}`, import.meta.url), join(folder, first))
  const common = { clusters, log: silentLogger }
  await migrateClusters({ ...common, dir: pathToFileURL(`${folder}/`), prefix: 'tenfold/' })
  await migrateClusters({ ...common, dir: migrations })
  await session.query(`insert into tenfold.markers (id, bucket, tag, name, key, keep_until)
    select gen_random_uuid(), 1, 1, 'old', 'user:1', now() + interval '1 hour' from generate_series(1, 1000)`)
  const { begun } = await prepareData({ ...common, placing: PLACING, migrations })
  assert.equal(begun, true)
  const client = new DataClient({
    ...common,
    placing: PLACING,
    storage: createContextStorage(),
    clock: systemClock,
    random: systemRandom(),
    connectionsMax: 2,
    doubleRun: false,
  })
  await client.start()
  await client.writeHome('new', (tx) => tx.query('insert into accounts values (1, 1)'))
  await client.stop()
  const { rows } = await session.query(
    "select count(*)::int from tenfold.markers where name = 'old' and job is null",
  )
  assert.deepEqual(rows, [{ count: 1000 }])
  for (const table of ['effects', 'jobs', 'crons'])
    assert.deepEqual((await session.query(`select * from tenfold.${table}`)).rows, [])
})
